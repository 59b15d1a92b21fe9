// A BACnet device on the Node stack @bacnet-js/client, for the contract of drivers.
// `node bacnet_node.js PORT`; commands come as lines on standard input, each answered by one line
// of JSON: "state", "take SLOT VALUE", "leave SLOT", "change VALUE".
'use strict'
const { default: Bacnet } = require('@bacnet-js/client')

const [DEVICE, INPUT, VALUE] = [8, 0, 2]
const [NULL, UNSIGNED, REAL, TEXT, ENUMERATED, OBJECT] = [0, 2, 4, 7, 9, 12]
const ALL = 4294967295
const INSTANCE = 1001
const OWN = 19.0

const slots = Array(16).fill(null)
const sensors = new Map([[1, 20.1], [2, 20.2], [4, 20.4]])
const subscriptions = new Map()
const client = new Bacnet({ port: Number(process.argv[2]), interface: '127.0.0.1' })

const effective = () => slots.find((slot) => slot !== null) ?? OWN
const real = (value) => ({ type: REAL, value })
const named = (kind, instance) => ({ type: OBJECT, value: { type: kind, instance } })

function objects() {
  return [[DEVICE, INSTANCE], ...[...sensors.keys()].map((i) => [INPUT, i]), [VALUE, 1]]
}

// The values of a property, or the class and code of an error.
function look({ type, instance }, { id, index }) {
  const known = objects().some(([kind, number]) => kind === type && number === instance)
  if (!known) return { error: [1, 31] }
  const found = properties(type, instance)[id]
  if (found === undefined) return { error: [2, 32] }
  if (index === ALL) return { values: found }
  if (index === 0) return { values: [{ type: UNSIGNED, value: found.length }] }
  return index <= found.length ? { values: [found[index - 1]] } : { error: [2, 42] }
}

function properties(type, instance) {
  if (type === DEVICE) {
    return {
      75: [named(DEVICE, INSTANCE)],
      62: [{ type: UNSIGNED, value: 1476 }],
      107: [{ type: ENUMERATED, value: 3 }],
      76: objects().map(([kind, number]) => named(kind, number)),
      77: [{ type: TEXT, value: 'node' }],
    }
  }
  const common = { 77: [{ type: TEXT, value: `o${type}-${instance}` }] }
  if (type === INPUT) return { ...common, 85: [real(sensors.get(instance))] }
  return {
    ...common,
    85: [real(effective())],
    87: slots.map((slot) => (slot === null ? { type: NULL, value: null } : real(slot))),
  }
}

client.on('readProperty', ({ header, payload, service, invokeId }) => {
  const { values, error } = look(payload.objectId, payload.property)
  if (error) client.errorResponse(header.sender, service, invokeId, ...error)
  else client.readPropertyResponse(header.sender, invokeId, payload.objectId, payload.property, values)
})

client.on('readPropertyMultiple', ({ header, payload, invokeId }) => {
  const answer = payload.properties.map(({ objectId, properties: wanted }) => ({
    objectId,
    values: wanted.map((property) => {
      const { values, error } = look(objectId, property)
      if (!error) return { property, value: values }
      const [errorClass, errorCode] = error
      return { property, value: [{ value: { type: 'BacnetError', errorClass, errorCode } }] }
    }),
  }))
  client.readPropertyMultipleResponse(header.sender, invokeId, answer)
})

client.on('writeProperty', ({ header, payload, service, invokeId }) => {
  const { objectId, value } = payload
  const [written] = value.value
  if (objectId.type !== VALUE || value.property.id !== 85) {
    client.errorResponse(header.sender, service, invokeId, 2, 40)
    return
  }
  slots[(value.priority || 16) - 1] = written.type === NULL ? null : written.value
  client.simpleAckResponse(header.sender, service, invokeId)
})

client.on('subscribeCov', ({ header, payload, service, invokeId }) => {
  const { monitoredObjectId: target, subscriberProcessId: process } = payload
  subscriptions.set(target.instance, { sender: header.sender, target, process })
  client.simpleAckResponse(header.sender, service, invokeId)
})

client.on('whoIs', ({ header }) => client.iAmResponse(header.sender, INSTANCE, 3, 260))

function change(value) {
  sensors.set(1, value)
  const told = subscriptions.get(1)
  if (!told) return
  const values = [{ property: { id: 85, index: 0 }, value: [real(value)], priority: 1 }]
  client.unconfirmedCOVNotification(
    told.sender, told.process, INSTANCE, told.target, 60, values)
}

const commands = {
  state: () => {},
  take: (slot, value) => { slots[slot - 1] = Number(value) },
  leave: (slot) => { slots[slot - 1] = null },
  change: (value) => change(Number(value)),
}

require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [name, ...words] = line.split(' ')
  commands[name](...words)
  console.log(JSON.stringify({ slots, effective: effective(), subscriptions: subscriptions.size }))
}).on('close', () => process.exit(0))

client.on('listening', () => console.log('listening'))
client.on('error', (error) => console.error(error.message))
