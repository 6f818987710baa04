#include <doctest/doctest.h>

#include "broker/wire/amqp/confirm_ledger.h"

using tandem::wire::amqp::ConfirmLedger;

TEST_CASE("a range that begins where the last one ended is confirmed with multiple") {
  ConfirmLedger ledger;
  CHECK(ledger.confirm(1, 3));
  CHECK(ledger.confirm(4, 4));
  CHECK(ledger.next() == 5);
}

TEST_CASE("a range ahead of others is not, and is not forgotten") {
  ConfirmLedger ledger;
  CHECK_FALSE(ledger.confirm(3, 4));
  CHECK_FALSE(ledger.confirm(6, 6));
  CHECK(ledger.confirm(1, 2));
  CHECK(ledger.next() == 5);
  CHECK(ledger.confirm(5, 5));
  CHECK(ledger.next() == 7);
}
