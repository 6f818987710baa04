<?php
// What users of php-amqplib do with RabbitMQ, done with Tandem. Run by php_amqplib_test.py: php php_amqplib_client.php PORT
// Prints one line per test; ends with status 1 when one failed. "restart" asks for a broker that was killed and is back.
declare(strict_types=1);
error_reporting(E_ALL & ~E_DEPRECATED);  // what the client says about newer versions of PHP
require_once 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Connection\AMQPLazyConnection;
use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Exception\AMQPBasicCancelException;
use PhpAmqpLib\Exception\AMQPConnectionClosedException;
use PhpAmqpLib\Exception\AMQPExceptionInterface;
use PhpAmqpLib\Exception\AMQPProtocolChannelException;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPAbstractCollection as Type;
use PhpAmqpLib\Wire\AMQPArray;
use PhpAmqpLib\Wire\AMQPDecimal;
use PhpAmqpLib\Wire\AMQPTable;

$port = (int) $argv[1];
$tests = [];

function connect(string $password = 'guest', string $vhost = '/', string $login = 'AMQPLAIN', int $heartbeat = 0)
{
    return new AMQPStreamConnection('127.0.0.1', $GLOBALS['port'], 'guest', $password, $vhost, false, $login, null, 'en_US',
        3.0, 10.0, null, false, $heartbeat);
}

function equal($expected, $actual, string $what = ''): void
{
    if ($expected !== $actual) {
        throw new Exception("$what: expected " . var_export($expected, true) . ', got ' . var_export($actual, true));
    }
}

function refused(int $code, string $text, callable $request): void
{
    try {
        $request();
    } catch (AMQPProtocolChannelException | AMQPConnectionClosedException $error) {
        equal($code, $error->getCode());
        if (!str_contains($error->getMessage(), $text)) {
            throw new Exception('refused with ' . $error->getMessage());
        }
        return;
    }
    throw new Exception("not refused with $code");
}

/** A server-named exclusive queue; its name. */
function temporary(AMQPChannel $channel, array $arguments = []): string
{
    return $channel->queue_declare('', false, false, true, false, false, new AMQPTable($arguments))[0];
}

function durable(AMQPChannel $channel, string $name): int
{
    return $channel->queue_declare($name, false, true, false, false)[1];
}

/** The first messages of a queue, acked. @return AMQPMessage[] */
function take(AMQPChannel $channel, string $queue, int $count): array
{
    $got = [];
    $tag = $channel->basic_consume($queue, '', false, false, false, false, function (AMQPMessage $message) use (&$got) {
        $message->ack();
        $got[] = $message;
    });
    while (count($got) < $count) {
        $channel->wait(null, false, 10);
    }
    $channel->basic_cancel($tag);
    return $got;
}

/** @param AMQPMessage[] $messages */
function bodies(array $messages): array
{
    return array_map(fn (AMQPMessage $message) => $message->getBody(), $messages);
}

$tests['messages come back with all their properties'] = function (AMQPChannel $channel) {
    $queue = temporary($channel);
    $sent = ['content_type' => 'text/plain', 'content_encoding' => 'utf-8', 'delivery_mode' => 2, 'priority' => 3,
        'correlation_id' => 'c', 'reply_to' => 'r', 'expiration' => '60000', 'message_id' => 'm', 'timestamp' => 1700000000,
        'type' => 't', 'user_id' => 'guest', 'app_id' => 'a', 'cluster_id' => 'k'];
    $channel->basic_publish(new AMQPMessage('hello', $sent), '', $queue);
    [$message] = take($channel, $queue, 1);
    equal('hello', $message->getBody());
    foreach ($sent as $name => $value) {
        equal($value, $message->get($name), $name);
    }
};

$tests['headers keep every type of value'] = function (AMQPChannel $channel) {
    $queue = temporary($channel);
    $headers = new AMQPTable();
    $values = ['octet' => [-8, Type::T_INT_SHORTSHORT], 'unsigned octet' => [200, Type::T_INT_SHORTSHORT_U],
        'short' => [-300, Type::T_INT_SHORT], 'unsigned short' => [60000, Type::T_INT_SHORT_U],
        'long' => [-70000, Type::T_INT_LONG], 'unsigned long' => [4000000000, Type::T_INT_LONG_U],
        'long long' => [-(2 ** 62), Type::T_INT_LONGLONG], 
        'yes' => [true, Type::T_BOOL], 'none' => [null, Type::T_VOID], 'text' => ['grüße', Type::T_STRING_LONG],
        'bytes' => ["\0\xff", Type::T_BYTES], 'time' => [1700000000, Type::T_TIMESTAMP],
        'decimal' => [new AMQPDecimal(-314, 2), Type::T_DECIMAL],
        'list' => [new AMQPArray([1, 'two', false]), Type::T_ARRAY],
        'table' => [new AMQPTable(['a' => ['b' => ['c' => 'd']]]), Type::T_TABLE]];
    foreach ($values as $name => [$value, $type]) {
        $headers->set($name, $value, $type);
    }
    $channel->basic_publish(new AMQPMessage('x', ['application_headers' => $headers]), '', $queue);
    [$message] = take($channel, $queue, 1);
    $types = [];
    foreach ($message->get('application_headers') as $name => [$type, $value]) {
        $types[$name] = $type;
    }
    equal(array_map(fn (array $value) => $value[1], $values), $types, 'types');
    equal($headers->getNativeData()['table'], $message->get('application_headers')->getNativeData()['table']);
    foreach (['octet', 'unsigned octet', 'short', 'unsigned short', 'long', 'unsigned long', 'long long',
        'yes', 'none', 'text', 'bytes', 'list'] as $name) {
        equal($headers->getNativeData()[$name], $message->get('application_headers')->getNativeData()[$name], $name);
    }
};

$tests['a thousand confirmed messages come in order'] = function (AMQPChannel $channel) {
    durable($channel, 'php.ordered');
    $acked = 0;
    $channel->set_ack_handler(function () use (&$acked) { ++$acked; });
    $channel->set_nack_handler(function () { throw new Exception('nacked'); });
    $channel->confirm_select();
    for ($i = 0; $i < 1000; ++$i) {
        $channel->basic_publish(new AMQPMessage((string) $i, ['delivery_mode' => 2]), '', 'php.ordered');
    }
    $channel->wait_for_pending_acks(10);
    equal(1000, $acked);
    $channel->basic_qos(0, 50, false);
    equal(range(0, 999), array_map('intval', bodies(take($channel, 'php.ordered', 1000))));
};

$tests['a batch is published at once'] = function (AMQPChannel $channel) {
    $queue = temporary($channel);
    for ($i = 0; $i < 100; ++$i) {
        $channel->batch_basic_publish(new AMQPMessage((string) $i), '', $queue);
    }
    $channel->publish_batch();
    equal(range(0, 99), array_map('intval', bodies(take($channel, $queue, 100))));
};

$tests['bodies from nothing to eight mebibytes are whole'] = function (AMQPChannel $channel) {
    $queue = temporary($channel);
    $channel->confirm_select();
    foreach ([0, 1, 4096, 131064, 131065, 3 * 1024 * 1024 + 17, 8 * 1024 * 1024] as $size) {
        $body = $size ? random_bytes($size) : '';
        $channel->basic_publish(new AMQPMessage($body), '', $queue);
        $channel->wait_for_pending_acks(10);
        equal(true, $channel->basic_get($queue, true)->getBody() === $body, "a body of $size");
    }
};

$tests['workers share a queue, and nobody holds more than its prefetch'] = function (AMQPChannel $channel) {
    durable($channel, 'php.work');
    $workers = [];
    $held = [[], []];
    foreach ([0, 1] as $worker) {
        $workers[$worker] = $channel->getConnection()->channel();
        $workers[$worker]->basic_qos(0, 5, false);
        $workers[$worker]->basic_consume('php.work', '', false, false, false, false,
            function (AMQPMessage $message) use (&$held, $worker) { $held[$worker][] = $message; });
    }
    for ($i = 0; $i < 30; ++$i) {
        $channel->basic_publish(new AMQPMessage((string) $i), '', 'php.work');
    }
    foreach ([0, 1] as $worker) {
        while (count($held[$worker]) < 5) {
            $workers[$worker]->wait(null, false, 10);
        }
    }
    usleep(50000);
    equal(20, durable($channel, 'php.work'));
    $seen = [];
    $deadline = microtime(true) + 10;
    while (count($seen) < 30 && microtime(true) < $deadline) {
        foreach ([0, 1] as $worker) {
            $workers[$worker]->wait(null, true);
            equal(true, count($held[$worker]) <= 5, 'within the prefetch');
            while ($message = array_shift($held[$worker])) {
                $seen[] = (int) $message->getBody();
                $message->ack();
            }
        }
    }
    sort($seen);
    equal(range(0, 29), $seen);
};

$tests['nack, reject and a closed channel requeue, and the message is redelivered'] = function (AMQPChannel $channel) {
    durable($channel, 'php.requeue');
    $channel->basic_publish(new AMQPMessage('x'), '', 'php.requeue');
    $message = $channel->basic_get('php.requeue');
    equal(false, $message->isRedelivered());
    $message->nack(true);
    $message = $channel->basic_get('php.requeue');
    equal(true, $message->isRedelivered());
    $message->reject(true);
    equal(true, $channel->basic_get('php.requeue')->isRedelivered());
    $connection = $channel->getConnection();
    $channel->close();
    $channel = $connection->channel();
    [$message] = take($channel, 'php.requeue', 1);
    equal(true, $message->isRedelivered());
    equal(0, durable($channel, 'php.requeue'));
};

$tests['one ack is for many messages, one nack as well'] = function (AMQPChannel $channel) {
    $queue = temporary($channel);
    for ($i = 0; $i < 9; ++$i) {
        $channel->basic_publish(new AMQPMessage((string) $i), '', $queue);
    }
    for ($i = 0; $i < 9; ++$i) {
        $got[] = $channel->basic_get($queue);
    }
    $got[4]->ack(true);
    $got[8]->nack(true, true);
    equal(['5', '6', '7', '8'], bodies(take($channel, $queue, 4)));
};

$tests['exchanges of every kind route; exchanges are bound to exchanges'] = function (AMQPChannel $channel) {
    $channel->exchange_declare('php.topic', 'topic', false, true, false);
    $channel->exchange_declare('php.fanout', 'fanout', false, false, true);
    $channel->exchange_declare('php.headers', 'headers', false, true, false);
    $channel->exchange_declare('php.direct', 'direct', false, false, true);
    $channel->exchange_bind('php.fanout', 'php.topic', 'a.#');
    [$topic, $fanout, $all, $any, $direct] = array_map(fn () => temporary($channel), range(1, 5));
    $channel->queue_bind($topic, 'php.topic', '*.b.*');
    $channel->queue_bind($fanout, 'php.fanout');
    foreach ([$all => ['all', 'pdf'], $any => ['any', 'png']] as $queue => [$match, $format]) {
        $channel->queue_bind($queue, 'php.headers', '', false,
            new AMQPTable(['x-match' => $match, 'format' => $format, 'pages' => 3]));
    }
    $channel->queue_bind($direct, 'php.direct', 'key');
    $send = fn (string $body, string $exchange, string $key = '', array $headers = []) => $channel->basic_publish(
        new AMQPMessage($body, ['application_headers' => new AMQPTable($headers)]), $exchange, $key);
    $send('1', 'php.topic', 'a.b.c');
    $send('2', 'php.topic', 'x.b.c');
    $send('3', 'php.topic', 'a');
    $send('4', 'php.headers', '', ['format' => 'pdf', 'pages' => 3]);
    $send('5', 'php.headers', '', ['format' => 'png', 'pages' => 4]);
    $send('6', 'php.direct', 'other');
    $send('7', 'php.direct', 'key');
    equal(['1', '2'], bodies(take($channel, $topic, 2)));
    equal(['1', '3'], bodies(take($channel, $fanout, 2)));
    equal(['4'], bodies(take($channel, $all, 1)));
    equal(['4', '5'], bodies(take($channel, $any, 2)));
    equal(['7'], bodies(take($channel, $direct, 1)));
    $channel->exchange_unbind('php.fanout', 'php.topic', 'a.#');
    $channel->queue_unbind($direct, 'php.direct', 'key');
    $send('8', 'php.topic', 'a.x');
    equal(null, $channel->basic_get($fanout));
};

$tests['a mandatory message that no queue takes comes back before its ack'] = function (AMQPChannel $channel) {
    $heard = [];
    $channel->set_return_listener(function ($code, $text, $exchange, $key, $message) use (&$heard) {
        $heard[] = [$code, $text, $key, $message->getBody()];
    });
    $channel->set_ack_handler(function () use (&$heard) { $heard[] = 'ack'; });
    $channel->confirm_select();
    $channel->basic_publish(new AMQPMessage('x'), '', 'php.nobody', true);
    $channel->wait_for_pending_acks_returns(10);
    equal([[312, 'NO_ROUTE', 'php.nobody', 'x'], 'ack'], $heard);
};

$tests['a full queue that rejects nacks the publisher'] = function (AMQPChannel $channel) {
    $queue = temporary($channel, ['x-max-length' => 2, 'x-overflow' => 'reject-publish']);
    $nacked = [];
    $channel->set_nack_handler(function (AMQPMessage $message) use (&$nacked) { $nacked[] = $message->getBody(); });
    $channel->confirm_select();
    foreach (['0', '1', '2'] as $body) {
        $channel->basic_publish(new AMQPMessage($body), '', $queue);
    }
    $channel->wait_for_pending_acks(10);
    equal(['2'], $nacked);
};

$tests['what is rejected, expired or too much is dead-lettered with its history'] = function (AMQPChannel $channel) {
    $channel->exchange_declare('php.dead', 'fanout', false, false, true);
    $dead = temporary($channel);
    $channel->queue_bind($dead, 'php.dead');
    $to_dead = ['x-dead-letter-exchange' => 'php.dead', 'x-dead-letter-routing-key' => 'was'];
    foreach (['rejected' => [], 'expired' => ['x-message-ttl' => 50], 'maxlen' => ['x-max-length' => 1]] as $reason => $more) {
        $queue = temporary($channel, $to_dead + $more);
        $channel->basic_publish(new AMQPMessage('1'), '', $queue);
        if ($reason === 'rejected') {
            $channel->basic_get($queue)->reject(false);
        }
        if ($reason === 'maxlen') {
            $channel->basic_publish(new AMQPMessage('2'), '', $queue);
        }
        [$message] = take($channel, $dead, 1);
        $headers = $message->get('application_headers')->getNativeData();
        [$death] = $headers['x-death'];
        equal([1, '', $queue, $reason, [$queue]],
            [$death['count'], $death['exchange'], $death['queue'], $death['reason'], $death['routing-keys']]);
        equal($reason, $headers['x-first-death-reason']);
        equal('was', $message->getRoutingKey());
    }
};

$tests['a message goes round: rejected, waits, and is tried again with its count'] = function (AMQPChannel $channel) {
    $channel->queue_declare('php.try', false, true, false, false, false,
        new AMQPTable(['x-dead-letter-exchange' => '', 'x-dead-letter-routing-key' => 'php.wait']));
    $channel->queue_declare('php.wait', false, true, false, false, false,
        new AMQPTable(['x-dead-letter-exchange' => '', 'x-dead-letter-routing-key' => 'php.try', 'x-message-ttl' => 30]));
    $channel->basic_publish(new AMQPMessage('x'), '', 'php.try');
    $tries = 0;
    $tag = $channel->basic_consume('php.try', '', false, false, false, false, function (AMQPMessage $message) use (&$tries) {
        $counts = [];
        if ($message->has('application_headers')) {
            foreach ($message->get('application_headers')->getNativeData()['x-death'] as $death) {
                $counts[$death['queue'] . ' ' . $death['reason']] = $death['count'];
            }
        }
        equal($tries ? ['php.wait expired' => $tries, 'php.try rejected' => $tries] : [], $counts);
        ++$tries < 4 ? $message->reject(false) : $message->ack();
    });
    while ($tries < 4) {
        $channel->wait(null, false, 10);
    }
    $channel->basic_cancel($tag);
};

$tests['higher priorities come first'] = function (AMQPChannel $channel) {
    $queue = temporary($channel, ['x-max-priority' => 5]);
    foreach ([1, 5, 0, 3, 5] as $i => $priority) {
        $channel->basic_publish(new AMQPMessage("$priority$i", ['priority' => $priority]), '', $queue);
    }
    equal(['51', '54', '33', '10', '02'], bodies(take($channel, $queue, 5)));
};

$tests['requests are answered over direct reply-to and over a queue of answers'] = function (AMQPChannel $client) {
    $server = $client->getConnection()->channel();
    $requests = temporary($server);
    $server->basic_consume($requests, '', false, true, false, false, function (AMQPMessage $request) use ($server) {
        $server->basic_publish(new AMQPMessage(strtoupper($request->getBody()),
            ['correlation_id' => $request->get('correlation_id')]), '', $request->get('reply_to'));
    });
    foreach (['amq.rabbitmq.reply-to', temporary($client)] as $reply_to) {
        $answers = [];
        $client->basic_consume($reply_to, '', false, true, false, false, function (AMQPMessage $answer) use (&$answers) {
            $answers[] = $answer->get('correlation_id') . $answer->getBody();
        });
        foreach ([0, 1, 2] as $i) {
            $request = new AMQPMessage('ping', ['reply_to' => $reply_to, 'correlation_id' => (string) $i]);
            $client->basic_publish($request, '', $requests);
            $server->wait(null, false, 10);
        }
        while (count($answers) < 3) {
            $client->wait(null, false, 10);
        }
        equal(['0PING', '1PING', '2PING'], $answers);
    }
};

$tests['an exclusive queue is its connection\'s and ends with it'] = function (AMQPChannel $channel) {
    $connection = $channel->getConnection();
    $other = connect();
    $name = temporary($other->channel());
    equal(true, str_starts_with($name, 'amq.gen-'));
    refused(405, 'RESOURCE_LOCKED', fn () => $channel->queue_declare($name, true));
    $other->close();
    refused(404, 'NOT_FOUND', fn () => $connection->channel()->queue_declare($name, true));
};

$tests['refused requests close their channel with the reason, and the connection goes on'] = function (AMQPChannel $channel) {
    $connection = $channel->getConnection();
    refused(404, "NOT_FOUND - no queue 'php.absent' in vhost '/'",
        fn () => $connection->channel()->queue_declare('php.absent', true));
    refused(404, "NOT_FOUND - no exchange 'php.absent' in vhost '/'", function () use ($connection) {
        $channel = $connection->channel();
        $channel->basic_publish(new AMQPMessage('x'), 'php.absent');
        $channel->wait(null, false, 5);
    });
    durable($channel, 'php.same');
    refused(406, "inequivalent arg 'durable' for queue 'php.same'",
        fn () => $connection->channel()->queue_declare('php.same'));
    refused(403, 'ACCESS_REFUSED', fn () => $connection->channel()->queue_declare('amq.mine'));
    refused(406, 'unknown delivery tag 4711', function () use ($connection) {
        $channel = $connection->channel();
        $channel->basic_ack(4711);
        $channel->wait(null, false, 5);
    });
    refused(403, 'exclusive use', function () use ($connection) {
        $connection->channel()->basic_consume('php.same', '', false, false, true);
        $connection->channel()->basic_consume('php.same');
    });
    equal(true, $connection->isConnected());
    equal(0, durable($connection->channel(), 'php.same'));
};

$tests['consumers are told that their queue is gone'] = function (AMQPChannel $channel) {
    $channel->queue_declare('php.deleted');
    $channel->basic_consume('php.deleted', 'php.tag', false, false, false, false, function () {});
    $channel->getConnection()->channel()->queue_delete('php.deleted');
    try {
        $channel->wait(null, false, 5);
    } catch (AMQPBasicCancelException $cancel) {
        equal('php.tag', $cancel->consumerTag);
        return;
    }
    throw new Exception('not told');
};

$tests['transactions happen at their commit or not at all'] = function (AMQPChannel $channel) {
    $watch = $channel->getConnection()->channel();
    durable($channel, 'php.tx');
    $channel->tx_select();
    $channel->basic_publish(new AMQPMessage('no'), '', 'php.tx');
    $channel->tx_rollback();
    $channel->basic_publish(new AMQPMessage('yes'), '', 'php.tx');
    equal(0, durable($watch, 'php.tx'));
    $channel->tx_commit();
    equal(1, durable($watch, 'php.tx'));
    $channel->basic_get('php.tx')->ack();
    $channel->tx_commit();
    $channel->close();
    equal(0, durable($watch, 'php.tx'));
};

$tests['unacked messages are recovered in their order'] = function (AMQPChannel $channel) {
    $queue = temporary($channel);
    foreach (['0', '1', '2'] as $body) {
        $channel->basic_publish(new AMQPMessage($body), '', $queue);
        $channel->basic_get($queue);
    }
    $channel->basic_recover(true);
    $got = take($channel, $queue, 3);
    equal(['0', '1', '2'], bodies($got));
    equal([true, true, true], array_map(fn (AMQPMessage $message) => $message->isRedelivered(), $got));
};

$tests['who may not come in is told so; both mechanisms do'] = function () {
    refused(403, 'ACCESS_REFUSED', fn () => connect('wrong'));
    refused(530, 'NOT_ALLOWED - vhost elsewhere not found', fn () => connect('guest', 'elsewhere'));
    foreach (['AMQPLAIN', 'PLAIN'] as $login) {
        $connection = connect('guest', '/', $login);
        temporary($connection->channel());
        $connection->close();
    }
};

$tests['heartbeats keep an idle connection'] = function () {
    $connection = connect('guest', '/', 'PLAIN', 1);
    for ($i = 0; $i < 7; ++$i) {
        usleep(500000);
        $connection->checkHeartBeat();
    }
    temporary($connection->channel());
    $connection->close();
};

$tests['a client that is silent for two heartbeats is closed, and what it held is redelivered'] = function (AMQPChannel $channel) {
    durable($channel, 'php.silent');
    $channel->basic_publish(new AMQPMessage('x'), '', 'php.silent');
    $silent = connect('guest', '/', 'PLAIN', 1);
    equal('x', $silent->channel()->basic_get('php.silent')->getBody());
    $started = microtime(true);
    [$message] = take($channel, 'php.silent', 1);
    equal(true, $message->isRedelivered());
    equal(true, microtime(true) - $started < 6, 'in time');
};

$tests['a lazy connection connects again after the broker was killed'] = function () {
    $connection = new AMQPLazyConnection('127.0.0.1', $GLOBALS['port'], 'guest', 'guest');
    $channel = $connection->channel();
    durable($channel, 'php.kept');
    $channel->confirm_select();
    for ($i = 0; $i < 100; ++$i) {
        $channel->basic_publish(new AMQPMessage((string) $i, ['delivery_mode' => 2]), '', 'php.kept');
    }
    $channel->wait_for_pending_acks(10);
    echo "restart\n";
    fgets(STDIN);
    try {
        $channel->basic_get('php.kept');
        throw new Exception('the connection is still there');
    } catch (AMQPExceptionInterface $expected) {
        $connection->reconnect();
    }
    equal(range(0, 99), array_map('intval', bodies(take($connection->channel(), 'php.kept', 100))));
    $connection->close();
};

$failed = 0;
foreach ($tests as $name => $test) {
    $connection = null;
    try {
        $connection = connect();
        $test($connection->channel());
        echo "ok: $name\n";
    } catch (Throwable $error) {
        ++$failed;
        echo "FAILED: $name: ", get_class($error), ': ', $error->getMessage(), "\n", $error->getTraceAsString(), "\n";
    }
    try {
        $connection?->close();
    } catch (Throwable $closed) {
    }
}
exit($failed ? 1 : 0);
