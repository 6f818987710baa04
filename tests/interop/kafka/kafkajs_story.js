// What users of kafkajs do, told as one JSON object per step on stdout. BROKER and TOPIC come from the environment.
const { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = require('kafkajs')

const topic = process.env.TOPIC
const kafka = new Kafka({ clientId: 'story', brokers: [process.env.BROKER], logLevel: logLevel.ERROR })
const tell = (step, value) => console.log(JSON.stringify({ step, value }))

async function read(groupId, count, options = {}) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, ...options })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const got = []
  await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`only ${got.length} of ${count}`)), 20000).unref()
    consumer.run({
      eachMessage: async ({ partition, message }) => {
        got.push({ partition, offset: message.offset, value: String(message.value),
                   header: message.headers.h ? String(message.headers.h) : null })
        if (got.length >= count) resolve()
      },
    }).catch(reject)
  })
  await consumer.disconnect()
  return got
}

async function story() {
  const admin = kafka.admin()
  await admin.connect()
  tell('created', await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 1,
    configEntries: [{ name: 'retention.ms', value: '3600000' }] }], waitForLeaders: true }))
  tell('created again', await admin.createTopics({ topics: [{ topic }] }))
  tell('listed', (await admin.listTopics()).includes(topic))
  tell('cluster', await admin.describeCluster())

  const producer = kafka.producer()
  await producer.connect()
  const messages = Array.from({ length: 50 }, (_, i) => ({ value: `v${i}`, partition: i % 3, headers: { h: 'x' } }))
  await producer.send({ topic, acks: -1, messages })
  await producer.send({ topic, acks: 1, compression: CompressionTypes.GZIP, messages })
  await producer.disconnect()
  const got = await read('story-group', 100)
  tell('read', { count: got.length, headers: got.every(m => m.header === 'x') })
  tell('offsets', await admin.fetchOffsets({ groupId: 'story-group', topics: [topic] }))
  tell('ends', await admin.fetchTopicOffsets(topic))
  tell('by time', await admin.fetchTopicOffsetsByTimestamp(topic, Date.now() - 3600000))

  const idempotent = kafka.producer({ idempotent: true, transactionalId: 'story-tx', maxInFlightRequests: 1 })
  await idempotent.connect()
  for (const end of ['commit', 'abort', 'commit']) {
    const transaction = await idempotent.transaction()
    await transaction.send({ topic, messages: [{ value: end, partition: 0 }] })
    await transaction[end]()
  }
  await idempotent.disconnect()
  const committed = await read('story-committed', 102, { readUncommitted: false })
  tell('transactions', committed.map(m => m.value).filter(value => !value.startsWith('v')))

  const config = { type: ConfigResourceTypes.TOPIC, name: topic }
  await admin.alterConfigs({ validateOnly: false, resources: [{ ...config,
    configEntries: [{ name: 'retention.ms', value: '7200000' }] }] })
  const described = await admin.describeConfigs({ includeSynonyms: false, resources: [config] })
  tell('config', described.resources[0].configEntries.find(entry => entry.configName === 'retention.ms').configValue)
  tell('groups', (await admin.listGroups()).groups.map(group => group.groupId).sort())
  const groups = await admin.describeGroups(['story-group'])
  tell('group', { state: groups.groups[0].state, error: groups.groups[0].errorCode })
  await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '5' }] })
  tell('trimmed', (await admin.fetchTopicOffsets(topic)).find(each => each.partition === 1).low)
  tell('groups deleted', (await admin.deleteGroups(['story-group'])).map(each => each.errorCode))
  await admin.deleteTopics({ topics: [topic] })
  tell('topic gone', !(await admin.listTopics()).includes(topic))
  await admin.disconnect()
}

story().catch(error => {
  console.error(error)
  process.exit(1)
})
