# What users of bunny (Ruby) do with RabbitMQ, done with Tandem. Run by bunny_test.py: ruby bunny_client.rb PORT
# Prints one line per test; ends with status 1 when one failed. "restart" asks for a broker that was killed and is back.
require 'bigdecimal'
require 'bunny'
require 'securerandom'
require 'timeout'

PORT = Integer(ARGV.fetch(0))
$stdout.sync = true
TESTS = {}

def test(name, &body) = TESTS[name] = body

def connect(**options) = Bunny.new(host: '127.0.0.1', port: PORT, logger: Logger.new(File::NULL), **options).start

def equal(expected, actual, what = nil)
  raise "#{what}: expected #{expected.inspect}, got #{actual.inspect}" unless expected == actual
end

def refused(with, text)
  yield
rescue with => error
  raise "refused with #{error.message}" unless error.message.include?(text)
else
  raise "not refused with #{with}"
end

def wait_until(what, seconds = 10)
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
  until yield
    raise "#{what} did not happen" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
    sleep 0.01
  end
end

# The first `count` messages of a queue, as [delivery, properties, body]; acked unless told otherwise.
def take(queue, count, ack: true, seconds: 10)
  got = Queue.new
  consumer = queue.subscribe(manual_ack: true) do |delivery, properties, body|
    queue.channel.ack(delivery.delivery_tag) if ack
    got << [delivery, properties, body]
  end
  Timeout.timeout(seconds) { Array.new(count) { got.pop } }
ensure
  consumer&.cancel
end

test 'messages come back with all their properties' do |connection|
  channel = connection.create_channel
  queue = channel.queue('', exclusive: true)
  sent = { content_type: 'text/plain', content_encoding: 'utf-8', delivery_mode: 2, priority: 3, correlation_id: 'c',
           reply_to: 'r', expiration: '60000', message_id: 'm', timestamp: 1_700_000_000, type: 't',
           user_id: 'guest', app_id: 'a' }
  queue.publish('hello', **sent)
  (_, properties, body), = take(queue, 1)
  equal 'hello', body
  sent[:timestamp] = Time.at(sent[:timestamp])
  sent.each { |name, value| equal value, properties[name], name }
end

test 'headers keep every type of value' do |connection|
  channel = connection.create_channel
  queue = channel.queue('', exclusive: true)
  headers = { 'text' => 'grüße', 'empty' => '', 'int' => -7, 'big' => 2**62, 'double' => 2.5, 'yes' => true, 'no' => false,
              'none' => nil, 'time' => Time.at(1_700_000_000), 'decimal' => BigDecimal('100'),
              'list' => [1, 'two', [3.5, 7], { 'four' => 4 }], 'table' => { 'a' => { 'b' => { 'c' => [] } } } }
  queue.publish('x', headers: headers)
  (_, properties,), = take(queue, 1)
  bytes = ->(value) { value.is_a?(String) ? value.b : value }
  headers.each { |name, value| equal bytes[value], bytes[properties.headers[name]], name }
end

test 'a thousand confirmed messages come in order' do |connection|
  channel = connection.create_channel
  channel.confirm_select
  queue = channel.queue('rb.ordered', durable: true)
  1000.times { |i| queue.publish(i.to_s, persistent: true) }
  equal true, channel.wait_for_confirms
  equal 0, channel.unconfirmed_set.size
  channel.prefetch(50)
  equal (0...1000).to_a, take(queue, 1000).map { |_, _, body| body.to_i }
end

test 'bodies from nothing to eight mebibytes are whole' do |connection|
  channel = connection.create_channel
  channel.confirm_select
  queue = channel.queue('', exclusive: true)
  [0, 1, 4096, 131_064, 131_065, 3 * 1024 * 1024 + 17, 8 * 1024 * 1024].each do |size|
    body = SecureRandom.bytes(size)
    queue.publish(body)
    equal true, channel.wait_for_confirms
    equal true, queue.pop.last.b == body, "a body of #{size}"
  end
end

test 'workers share a queue, and nobody holds more than its prefetch' do |connection|
  queue = connection.create_channel.queue('rb.work', durable: true)
  done = Queue.new
  most = [0, 0]
  workers = [0, 1].map do |worker|
    held = 0
    channel = connection.create_channel(nil, 4)
    channel.prefetch(2)
    lock = Mutex.new
    channel.queue('rb.work', durable: true).subscribe(manual_ack: true) do |delivery, _, body|
      lock.synchronize { held += 1; most[worker] = [most[worker], held].max }
      sleep 0.002
      lock.synchronize { held -= 1; channel.ack(delivery.delivery_tag) }
      done << [worker, body.to_i]
    end
  end
  100.times { |i| queue.publish(i.to_s) }
  got = Timeout.timeout(10) { Array.new(100) { done.pop } }
  equal (0...100).to_a, got.map(&:last).sort
  equal [0, 1], got.map(&:first).uniq.sort
  equal true, most.max <= 2, 'within the prefetch'
  workers.each(&:cancel)
end

test 'nack, reject and a closed channel requeue, and the message is redelivered' do |connection|
  channel = connection.create_channel
  queue = channel.queue('rb.requeue', durable: true)
  queue.publish('x')
  delivery, = queue.pop(manual_ack: true)
  equal false, delivery.redelivered?
  channel.nack(delivery.delivery_tag, false, true)
  delivery, = queue.pop(manual_ack: true)
  equal true, delivery.redelivered?
  channel.reject(delivery.delivery_tag, true)
  equal true, queue.pop(manual_ack: true).first.redelivered?
  channel.close
  channel = connection.create_channel
  (delivery,), = take(channel.queue('rb.requeue', durable: true), 1)
  equal true, delivery.redelivered?
  equal 0, channel.queue('rb.requeue', durable: true).message_count
end

test 'one ack is for many messages, one nack as well' do |connection|
  channel = connection.create_channel
  queue = channel.queue('rb.multiple', durable: true)
  9.times { |i| queue.publish(i.to_s) }
  tags = Array.new(9) { queue.pop(manual_ack: true).first.delivery_tag }
  channel.ack(tags[4], true)
  channel.nack(tags[8], true, true)
  equal %w[5 6 7 8], take(queue, 4).map(&:last)
end

test 'topic, direct, fanout and headers exchanges route; exchanges are bound to exchanges' do |connection|
  channel = connection.create_channel
  topic = channel.topic('rb.topic', durable: true)
  fanout = channel.fanout('rb.fanout', auto_delete: true)
  headers = channel.headers('rb.headers', durable: true)
  fanout.bind(topic, routing_key: 'a.#')
  by_topic, by_fanout, by_headers, by_any = Array.new(4) { channel.queue('', exclusive: true) }
  by_topic.bind(topic, routing_key: '*.b.*')
  by_fanout.bind(fanout)
  by_headers.bind(headers, arguments: { 'x-match' => 'all', 'format' => 'pdf', 'pages' => 3 })
  by_any.bind(headers, arguments: { 'x-match' => 'any', 'format' => 'png', 'pages' => 3 })
  topic.publish('1', routing_key: 'a.b.c')
  topic.publish('2', routing_key: 'x.b.c')
  topic.publish('3', routing_key: 'a')
  headers.publish('4', headers: { 'format' => 'pdf', 'pages' => 3 })
  headers.publish('5', headers: { 'format' => 'png', 'pages' => 4 })
  equal %w[1 2], take(by_topic, 2).map(&:last)
  equal %w[1 3], take(by_fanout, 2).map(&:last)
  equal %w[4], take(by_headers, 1).map(&:last)
  equal %w[4 5], take(by_any, 2).map(&:last)
  by_topic.unbind(topic, routing_key: '*.b.*')
  topic.publish('6', routing_key: 'a.b.c')
  equal %w[6], take(by_fanout, 1).map(&:last)
  equal 0, by_topic.message_count
end

test 'a mandatory message that no queue takes comes back' do |connection|
  channel = connection.create_channel
  channel.confirm_select
  back = Queue.new
  exchange = channel.direct('rb.nowhere', auto_delete: true)
  exchange.on_return { |info, properties, body| back << [info.reply_code, info.reply_text, properties.message_id, body] }
  exchange.publish('x', routing_key: 'k', mandatory: true, message_id: 'm')
  equal true, channel.wait_for_confirms
  equal [312, 'NO_ROUTE', 'm', 'x'], Timeout.timeout(5) { back.pop }
end

test 'a full queue that rejects nacks the publisher' do |connection|
  channel = connection.create_channel
  channel.confirm_select
  queue = channel.queue('', exclusive: true, arguments: { 'x-max-length' => 2, 'x-overflow' => 'reject-publish' })
  3.times { |i| queue.publish(i.to_s) }
  equal false, channel.wait_for_confirms
  equal [3], channel.nacked_set.to_a
  equal 2, queue.message_count
end

test 'what is rejected, expired or too much is dead-lettered with its history' do |connection|
  channel = connection.create_channel
  dead = channel.queue('', exclusive: true).bind(channel.fanout('rb.dead', auto_delete: true))
  to_dead = { 'x-dead-letter-exchange' => 'rb.dead', 'x-dead-letter-routing-key' => 'was' }
  rejected = channel.queue('', exclusive: true, arguments: to_dead)
  rejected.publish('r')
  channel.reject(rejected.pop(manual_ack: true).first.delivery_tag)
  expired = channel.queue('', exclusive: true, arguments: to_dead.merge('x-message-ttl' => 50))
  limited = channel.queue('', exclusive: true, arguments: to_dead.merge('x-max-length' => 1))
  { 'rejected' => rejected, 'expired' => expired, 'maxlen' => limited }.each do |reason, queue|
    queue.publish('e') if reason == 'expired'
    2.times { |i| queue.publish("m#{i}") } if reason == 'maxlen'
    (delivery, properties,), = take(dead, 1)
    death, = properties.headers['x-death']
    equal [reason, queue.name, 1, '', [queue.name]], death.values_at('reason', 'queue', 'count', 'exchange', 'routing-keys')
    equal true, death['time'].is_a?(Time)
    equal reason, properties.headers['x-first-death-reason']
    equal 'was', delivery.routing_key
  end
end

test 'a message that expires by itself is gone, or comes in time' do |connection|
  channel = connection.create_channel
  queue = channel.queue('', exclusive: true)
  queue.publish('short', expiration: 50)
  queue.publish('long', expiration: 60_000)
  sleep 0.2
  equal 'long', queue.pop.last
  equal [nil, nil, nil], queue.pop
end

test 'higher priorities come first' do |connection|
  channel = connection.create_channel
  queue = channel.queue('', exclusive: true, arguments: { 'x-max-priority' => 5 })
  [1, 5, 0, 3, 5].each_with_index { |priority, i| queue.publish("#{priority}#{i}", priority: priority) }
  equal %w[51 54 33 10 02], take(queue, 5).map(&:last)
end

test 'requests are answered over direct reply-to and over a queue of answers' do |connection|
  server = connection.create_channel
  requests = server.queue('', exclusive: true)
  requests.subscribe do |_, properties, body|
    server.default_exchange.publish(body.upcase, routing_key: properties.reply_to, correlation_id: properties.correlation_id)
  end
  client = connection.create_channel
  ['amq.rabbitmq.reply-to', client.queue('', exclusive: true).name].each do |reply_to|
    answers = Queue.new
    client.basic_consume(reply_to, '', true) { |_, properties, body| answers << [properties.correlation_id, body] }
    3.times do |i|
      client.default_exchange.publish('ping', routing_key: requests.name, reply_to: reply_to, correlation_id: i.to_s)
    end
    equal %w[0 1 2].product(['PING']), Timeout.timeout(5) { Array.new(3) { answers.pop } }
  end
end

test 'an exclusive queue is its connection\'s and ends with it' do |connection|
  other = connect
  name = other.create_channel.queue('', exclusive: true).name
  equal true, name.start_with?('amq.gen-')
  refused(Bunny::ResourceLocked, 'RESOURCE_LOCKED') { connection.create_channel.queue(name, passive: true) }
  other.close
  equal false, connection.queue_exists?(name)
end

test 'refused requests close their channel with the reason, and the connection goes on' do |connection|
  refused(Bunny::NotFound, "NOT_FOUND - no queue 'rb.absent' in vhost '/'") do
    connection.create_channel.queue('rb.absent', passive: true)
  end
  connection.create_channel.queue('rb.same', durable: true)
  refused(Bunny::PreconditionFailed, "inequivalent arg 'durable' for queue 'rb.same'") do
    connection.create_channel.queue('rb.same')
  end
  refused(Bunny::AccessRefused, 'ACCESS_REFUSED') { connection.create_channel.queue('amq.mine') }
  refused(Bunny::NotFound, 'NOT_FOUND') { connection.create_channel.basic_consume('rb.absent') }
  channel = connection.create_channel
  refused_with = Queue.new
  channel.on_error { |_, close| refused_with << close.reply_code }
  channel.ack(4711)
  equal 406, Timeout.timeout(5) { refused_with.pop }
  channel = connection.create_channel
  channel.basic_publish('x', 'rb.absent', 'k')
  wait_until('the end of the channel') { channel.closed? }
  equal true, connection.open?
  connection.create_channel.queue('', exclusive: true)
end

test 'an unknown exchange type closes the connection' do
  other = connect(automatically_recover: false, recover_from_connection_close: false)
  refused(Bunny::CommandInvalid, "COMMAND_INVALID - unknown exchange type 'x-unheard-of'") do
    other.create_channel.exchange('rb.kind', type: 'x-unheard-of')
    sleep 5
  end
end

test 'consumers are told that their queue is gone' do |connection|
  channel = connection.create_channel
  told = Queue.new
  queue = channel.queue('rb.deleted')
  queue.subscribe(on_cancellation: ->(cancel) { told << cancel.consumer_tag }, consumer_tag: 'rb.tag') { |*| }
  connection.create_channel.queue_delete('rb.deleted')
  equal 'rb.tag', Timeout.timeout(5) { told.pop }
  channel.queue('', exclusive: true)
end

test 'transactions happen at their commit or not at all' do |connection|
  channel = connection.create_channel
  queue = channel.queue('rb.tx', durable: true)
  channel.tx_select
  queue.publish('no')
  channel.tx_rollback
  queue.publish('yes')
  equal 0, queue.message_count
  channel.tx_commit
  equal 1, queue.message_count
  delivery, = queue.pop(manual_ack: true)
  channel.ack(delivery.delivery_tag)
  channel.tx_rollback
  channel.ack(delivery.delivery_tag)
  channel.tx_commit
  channel.close
  equal 0, connection.create_channel.queue('rb.tx', durable: true).message_count
end

test 'unacked messages are recovered in their order' do |connection|
  channel = connection.create_channel
  queue = channel.queue('', exclusive: true)
  3.times { |i| queue.publish(i.to_s) }
  3.times { queue.pop(manual_ack: true) }
  channel.basic_recover(true)
  got = take(queue, 3)
  equal %w[0 1 2], got.map(&:last)
  equal [true], got.map { |delivery,| delivery.redelivered? }.uniq
end

test 'many threads publish, each over its own channel' do |connection|
  queue = connection.create_channel.queue('rb.threads', durable: true)
  threads = (0...8).map do |thread|
    Thread.new do
      channel = connection.create_channel # without confirms: bunny 2.19 looks at the unconfirmed ones without its own lock
      100.times { |i| channel.default_exchange.publish("#{thread} #{i}", routing_key: 'rb.threads', persistent: true) }
    end
  end
  threads.each(&:join)
  got = take(queue, 800).map { |_, _, body| body.split.map(&:to_i) }
  got.group_by(&:first).each { |thread, messages| equal (0...100).to_a, messages.map(&:last), "thread #{thread}" }
end

test 'who may not come in is told so' do
  once = { automatically_recover: false, recover_from_connection_close: false }
  refused(Bunny::AuthenticationFailureError, 'Username: guest') { connect(pass: 'wrong', **once) }
  refused(Bunny::NotAllowedError, "vhost elsewhere not found") { connect(vhost: 'elsewhere', **once) }
end

test 'heartbeats keep an idle connection' do
  idle = connect(heartbeat: 1, automatically_recover: false)
  sleep 3.5
  idle.create_channel.queue('', exclusive: true)
  idle.close
end

test 'small frames and few channels are agreed on' do
  small = connect(frame_max: 4096, channel_max: 3)
  channel = small.create_channel
  channel.confirm_select
  queue = channel.queue('', exclusive: true)
  body = SecureRandom.bytes(100_000)
  queue.publish(body)
  equal true, channel.wait_for_confirms
  equal true, queue.pop.last.b == body
  small.close
end

test 'a connection recovers after the broker was killed, with its queues, bindings and consumers' do
  recovered = Queue.new
  connection = connect(network_recovery_interval: 0.5, heartbeat: 4, recovery_completed: -> { recovered << true })
  channel = connection.create_channel
  channel.confirm_select
  channel.prefetch(10)
  exchange = channel.topic('rb.recover', durable: true)
  kept = channel.queue('rb.kept', durable: true).bind(exchange, routing_key: 'kept')
  temporary = channel.queue('', exclusive: true).bind(exchange, routing_key: 'temporary')
  got = Queue.new
  temporary.subscribe { |_, _, body| got << body }
  100.times { |i| exchange.publish(i.to_s, routing_key: 'kept', persistent: true) }
  equal true, channel.wait_for_confirms
  puts 'restart'
  $stdin.gets
  Timeout.timeout(20) { recovered.pop }
  exchange.publish('again', routing_key: 'temporary')
  equal true, channel.wait_for_confirms
  equal 'again', Timeout.timeout(5) { got.pop }
  equal (0...100).to_a, take(kept, 100).map { |_, _, body| body.to_i }
  connection.close
end

failed = 0
TESTS.each do |name, body|
  connection = nil
  begin
    connection = connect(automatically_recover: false) if body.arity == 1
    Timeout.timeout(40) { body.call(*connection) }
    puts "ok: #{name}"
  rescue StandardError => error
    failed += 1
    puts "FAILED: #{name}: #{error.full_message(highlight: false)}"
  ensure
    begin
      connection&.close
    rescue StandardError
      nil
    end
  end
end
exit(failed.zero? ? 0 : 1)
