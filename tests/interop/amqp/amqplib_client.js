// What users of amqplib (npm) do with RabbitMQ, done with Tandem. Run by amqplib_test.py: node amqplib_client.js URL
// Prints one line per test; ends with status 1 when one failed.
'use strict';
const assert = require('assert');
const amqp = require('amqplib');

const url = process.argv[2];
const tests = {};

/// Resolves with the first `count` messages of a queue, each acked.
async function take(channel, queue, count, options = {}) {
  const got = [];
  let tag;
  await new Promise((resolve, reject) => {
    const give_up = setTimeout(() => reject(new Error(`only ${got.length} of ${count} messages came`)), 10000);
    channel.consume(queue, (message) => {
      got.push(message);
      if (!options.noAck) channel.ack(message);
      if (got.length === count) { clearTimeout(give_up); resolve(); }
    }, options).then((ok) => { tag = ok.consumerTag; }, reject);
  });
  await channel.cancel(tag);
  return got;
}

tests['messages go through with their properties and headers'] = async (connection) => {
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const options = { contentType: 'text/plain', headers: { n: 1, deep: { list: [true, 'x', 2.5] } }, priority: 3,
    correlationId: 'c', messageId: 'm', timestamp: 1700000000, type: 't', appId: 'a', persistent: true };
  channel.sendToQueue(queue, Buffer.from('hello'), options);
  const [message] = await take(channel, queue, 1);
  assert.strictEqual(message.content.toString(), 'hello');
  assert.deepStrictEqual(message.properties.headers, options.headers);
  for (const name of ['contentType', 'priority', 'correlationId', 'messageId', 'timestamp', 'type', 'appId'])
    assert.strictEqual(message.properties[name], options[name], name);
  assert.strictEqual(message.properties.deliveryMode, 2);
};

tests['a thousand confirmed messages come in order'] = async (connection) => {
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('js.ordered', { durable: true });
  for (let i = 0; i < 1000; ++i) channel.sendToQueue('js.ordered', Buffer.from(String(i)), { persistent: true });
  await channel.waitForConfirms();
  await channel.prefetch(50);
  const got = await take(channel, 'js.ordered', 1000);
  assert.deepStrictEqual(got.map((m) => Number(m.content)), [...Array(1000).keys()]);
};

tests['a body over many frames is whole'] = async (connection) => {
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const body = require('crypto').randomBytes(3 * 1024 * 1024 + 17);
  channel.sendToQueue(queue, body);
  await channel.waitForConfirms();
  const message = await channel.get(queue, { noAck: true });
  assert.ok(message.content.equals(body));
};

tests['exchanges route, and exchanges are bound to exchanges'] = async (connection) => {
  const channel = await connection.createChannel();
  await channel.assertExchange('js.topic', 'topic', { durable: true });
  await channel.assertExchange('js.fanout', 'fanout', { autoDelete: true });
  await channel.bindExchange('js.fanout', 'js.topic', 'a.#');
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'js.fanout', '');
  channel.publish('js.topic', 'b.c', Buffer.from('no'));
  channel.publish('js.topic', 'a.b.c', Buffer.from('yes'));
  const [message] = await take(channel, queue, 1);
  assert.strictEqual(message.content.toString(), 'yes');
  assert.strictEqual(message.fields.routingKey, 'a.b.c');
};

tests['a mandatory message that no queue takes comes back'] = async (connection) => {
  const channel = await connection.createConfirmChannel();
  const back = new Promise((resolve) => channel.once('return', resolve));
  channel.publish('', 'js.nobody', Buffer.from('x'), { mandatory: true });
  const message = await back;
  assert.strictEqual(message.fields.replyCode, 312);
  await channel.waitForConfirms();
};

tests['a message that is rejected is dead-lettered with its history'] = async (connection) => {
  const channel = await connection.createChannel();
  const { queue: dead } = await channel.assertQueue('', { exclusive: true });
  const { queue } = await channel.assertQueue('', { exclusive: true, deadLetterExchange: '', deadLetterRoutingKey: dead });
  channel.sendToQueue(queue, Buffer.from('x'));
  await new Promise((resolve) => channel.consume(queue, (m) => { channel.nack(m, false, false); resolve(); }));
  const [message] = await take(channel, dead, 1);
  assert.strictEqual(message.properties.headers['x-death'][0].reason, 'rejected');
};

tests['messages that expire are gone'] = async (connection) => {
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  channel.sendToQueue(queue, Buffer.from('x'), { expiration: 50 });
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.strictEqual(await channel.get(queue), false);
};

tests['requests are answered over direct reply-to'] = async (connection) => {
  const server = await connection.createChannel();
  const { queue } = await server.assertQueue('', { exclusive: true });
  await server.consume(queue, (m) => server.sendToQueue(m.properties.replyTo, Buffer.from(m.content + '!'),
    { correlationId: m.properties.correlationId }), { noAck: true });
  const client = await connection.createChannel();
  const answer = new Promise((resolve) => client.consume('amq.rabbitmq.reply-to', resolve, { noAck: true }));
  client.sendToQueue(queue, Buffer.from('ping'), { replyTo: 'amq.rabbitmq.reply-to', correlationId: '7' });
  const message = await answer;
  assert.strictEqual(message.content.toString(), 'ping!');
  assert.strictEqual(message.properties.correlationId, '7');
};

tests['a refused request closes its channel with the reason, the connection goes on'] = async (connection) => {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  await assert.rejects(channel.checkQueue('js.absent'), /404 .*NOT_FOUND - no queue 'js.absent' in vhost '\/'/);
  await (await connection.createChannel()).assertQueue('', { exclusive: true });
};

tests['a consumer is told that its queue is gone'] = async (connection) => {
  const channel = await connection.createChannel();
  await channel.assertQueue('js.deleted');
  const told = new Promise((resolve) => channel.consume('js.deleted', resolve));
  await (await connection.createChannel()).deleteQueue('js.deleted');
  assert.strictEqual(await told, null);
};

tests['heartbeats keep an idle connection'] = async () => {
  const connection = await amqp.connect(url + '?heartbeat=1');
  await new Promise((resolve) => setTimeout(resolve, 3500));
  await (await connection.createChannel()).assertQueue('', { exclusive: true });
  await connection.close();
};

async function main() {
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    const connection = await amqp.connect(url);
    try {
      await test(connection);
      console.log(`ok: ${name}`);
    } catch (error) {
      ++failed;
      console.log(`FAILED: ${name}: ${error.stack}`);
    }
    await connection.close().catch(() => {});
  }
  process.exit(failed ? 1 : 0);
}
main();
