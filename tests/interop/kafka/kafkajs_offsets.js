// Offsets that kafkajs sets for a group, told as one JSON object per step on stdout. BROKER and TOPIC come from the environment.
const { Kafka, logLevel } = require('kafkajs')

const topic = process.env.TOPIC
const kafka = new Kafka({ clientId: 'offsets', brokers: [process.env.BROKER], logLevel: logLevel.ERROR })
const tell = (step, value) => console.log(JSON.stringify({ step, value }))

async function read(groupId, count) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const got = []
  await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`${groupId}: only ${got.length} of ${count}`)), 20000).unref()
    consumer.run({
      eachMessage: async ({ partition, message }) => {
        got.push(`${partition}/${message.offset}`)
        if (got.length >= count) resolve()
      },
    }).catch(reject)
  })
  await consumer.disconnect()
  return got.sort()
}

async function story() {
  const admin = kafka.admin()
  await admin.connect()
  const committed = async (groupId, options = {}) => {
    const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic], ...options })
    return partitions.sort((a, b) => a.partition - b.partition).map(each => each.offset)
  }
  await admin.createTopics({ topics: [{ topic, numPartitions: 2, replicationFactor: 1 }], waitForLeaders: true })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: Array.from({ length: 6 }, (_, i) => ({ value: `v${i}`, partition: i % 2 })) })
  await producer.disconnect()

  await Promise.all(['earliest', 'latest', 'set'].map(groupId => read(groupId, 6)))
  tell('read', await committed('earliest'))
  // Each takes one fetch without partitions, five seconds of sleep in the client.
  await Promise.all([
    admin.resetOffsets({ groupId: 'earliest', topic, earliest: true }),
    admin.resetOffsets({ groupId: 'latest', topic }),
    admin.setOffsets({ groupId: 'set', topic, partitions: [{ partition: 0, offset: '1' }, { partition: 1, offset: '2' }] }),
  ])
  tell('earliest', await committed('earliest'))
  tell('latest', await committed('latest'))
  tell('set', await committed('set'))
  tell('latest resolved', await committed('latest', { resolveOffsets: true }))
  tell('read from earliest', await read('earliest', 6))
  tell('read from set', await read('set', 3))
  await admin.disconnect()
}

story().catch(error => {
  console.error(error)
  process.exit(1)
})
