// The client library of Tandem, all of it. Start with client.h; operations complete as completion.h says.
#pragma once

#include "tandem/appender.h"
#include "tandem/client.h"
#include "tandem/completion.h"
#include "tandem/consumer.h"
#include "tandem/group_consumer.h"
#include "tandem/message.h"
#include "tandem/publisher.h"
#include "tandem/requests.h"
#include "tandem/topic_reader.h"
#include "tandem/transaction.h"
