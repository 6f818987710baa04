// Produces ten records with keys and headers, one without a key, one without a value, and one more. BROKER, TOPIC and
// CODEC (a name of kafkajs's CompressionTypes) come from the environment.
const { CompressionTypes, Kafka, logLevel } = require('kafkajs')

async function produce() {
  const kafka = new Kafka({ clientId: 'produce', brokers: [process.env.BROKER], logLevel: logLevel.ERROR })
  const producer = kafka.producer()
  await producer.connect()
  const send = messages => producer.send({ topic: process.env.TOPIC, acks: -1,
    compression: CompressionTypes[process.env.CODEC], messages })
  await send(Array.from({ length: 10 }, (_, i) => ({ partition: 0, key: `key ${i}`, value: `value ${i}`,
    headers: { trace: String(i), kind: 'kafkajs' } })))
  await send([{ partition: 0, key: null, value: 'no key' }, { partition: 0, key: 'no value', value: null }])
  await send([{ partition: 0, key: 'k', value: 'v' }])
  await producer.disconnect()
}

produce().catch(error => {
  console.error(error)
  process.exit(1)
})
