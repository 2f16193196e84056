// SPDX-License-Identifier: BSL-1.0
// A stranger to antiphon, by the package `amqplib`: node amqp_peer.js URL. Serves `node.shout`, asks `cpp.twice`, `cpp.fails` and
// `cpp.nobody`, prints what came, and goes with its standard input.
'use strict';
const amqp = require('amqplib');

async function main() {
  const connection = await amqp.connect(process.argv[2]);
  const channel = await connection.createChannel();
  await channel.assertExchange('antiphon', 'topic', { durable: true });
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'antiphon', 'node.shout');
  await channel.consume(queue, (m) => {
    const headers = {};
    for (const [name, value] of Object.entries(m.properties.headers || {})) if (!name.startsWith('Antiphon-')) headers[`Seen-${name}`] = value;
    const fails = m.content.toString() === 'fail';
    if (fails) Object.assign(headers, { 'Antiphon-Kind': 'refusal', 'Antiphon-Code': 'antiphon 8', 'Antiphon-Executed': 'no', 'Antiphon-Retry-After': '3000000000' });
    channel.sendToQueue(m.properties.replyTo, Buffer.from(fails ? 'not so loud' : `${m.content}!`), { correlationId: m.properties.correlationId, headers });
  }, { noAck: true });

  const waiting = new Map();
  const decide = (m, how) => { const done = waiting.get(m.properties.correlationId); if (done) done(how || m); };
  await channel.consume('amq.rabbitmq.reply-to', (m) => decide(m), { noAck: true });
  channel.on('return', (m) => decide(m, 'returned'));
  let number = 0;
  const ask = (subject, body) => new Promise((done) => {
    const correlationId = `question ${++number}`;
    waiting.set(correlationId, done);
    channel.publish('antiphon', subject, Buffer.from(body), { mandatory: true, replyTo: 'amq.rabbitmq.reply-to', correlationId });
  });
  console.log((await ask('cpp.twice', '21')).content.toString());
  const failure = await ask('cpp.fails', '1');
  console.log(['Kind', 'Code', 'Executed'].map((n) => failure.properties.headers[`Antiphon-${n}`]).join(' ') + ': ' + failure.content);
  console.log(await ask('cpp.nobody', ''));
}
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
main().catch((e) => { console.log(e); process.exit(1); });
