#include <doctest/doctest.h>

#include "broker/wire/amqp/confirm_ledger.h"

using tandem::wire::amqp::ConfirmLedger;
using tandem::wire::amqp::ConfirmToSay;

namespace {

using Answers = std::vector<ConfirmToSay>;

Answers taken(ConfirmLedger& ledger) {
  Answers answers;
  ledger.take(answers);
  return answers;
}

}  // namespace

TEST_CASE("ranges that follow each other become one answer") {
  ConfirmLedger ledger;
  CHECK_FALSE(ledger.has_news());
  ledger.confirm(1, 3);
  ledger.confirm(4, 4);
  CHECK(ledger.has_news());
  CHECK(taken(ledger) == Answers{{4, true}});
  CHECK_FALSE(ledger.has_news());
  CHECK(taken(ledger).empty());
  ledger.confirm(5, 5);
  CHECK(taken(ledger) == Answers{{5, false}});
}

TEST_CASE("a range ahead of others is said one by one, and once") {
  ConfirmLedger ledger;
  ledger.confirm(3, 4);
  ledger.confirm(6, 6);
  CHECK(taken(ledger) == Answers{{3, false}, {4, false}, {6, false}});
  CHECK_FALSE(ledger.has_news());
  ledger.confirm(1, 2);
  CHECK(taken(ledger) == Answers{{4, true}});
  ledger.confirm(5, 5);
  CHECK(taken(ledger) == Answers{{6, true}});
}

TEST_CASE("a range that the rest catches up with before it is said needs no answer of its own") {
  ConfirmLedger ledger;
  ledger.confirm(2, 2);
  ledger.confirm(1, 1);
  CHECK(taken(ledger) == Answers{{2, true}});
}

TEST_CASE("what was said already is not said again") {
  ConfirmLedger ledger;
  ledger.confirm(1, 1);
  CHECK(taken(ledger) == Answers{{1, false}});
  ledger.confirm_said(2, 3);
  CHECK_FALSE(ledger.has_news());
  ledger.confirm(4, 4);
  CHECK(taken(ledger) == Answers{{4, false}});
  ledger.confirm_said(6, 6);
  CHECK(taken(ledger).empty());
}
