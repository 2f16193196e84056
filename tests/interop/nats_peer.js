// SPDX-License-Identifier: BSL-1.0
// A stranger to antiphon, by the package `nats`: node nats_peer.js URL. Serves `node.shout`, asks `cpp.twice`, `cpp.fails` and `cpp.nobody`,
// prints what came, and goes with its standard input.
'use strict';
const { connect, headers, StringCodec } = require('nats');

const text = StringCodec();
async function serve(nc) {
  for await (const m of nc.subscribe('node.shout')) {
    const h = headers();
    if (m.headers) for (const [name, values] of m.headers) if (!name.startsWith('Antiphon-')) h.append(`Seen-${name}`, values[0]);
    if (text.decode(m.data) === 'fail') {
      h.set('Antiphon-Kind', 'refusal');
      h.set('Antiphon-Code', 'antiphon 8');
      h.set('Antiphon-Executed', 'no');
      h.set('Antiphon-Retry-After', '3000000000');
      m.respond(text.encode('not so loud'), { headers: h });
    } else {
      m.respond(text.encode(`${text.decode(m.data)}!`), { headers: h });
    }
  }
}
async function main() {
  const nc = await connect({ servers: process.argv[2] });
  serve(nc);
  await nc.flush();
  const answer = await nc.request('cpp.twice', text.encode('21'), { timeout: 10000 });
  console.log(text.decode(answer.data));
  const failure = await nc.request('cpp.fails', text.encode('1'), { timeout: 10000 });
  console.log(['Kind', 'Code', 'Executed'].map((n) => failure.headers.get(`Antiphon-${n}`)).join(' ') + ': ' + text.decode(failure.data));
  await nc.request('cpp.nobody').catch((e) => console.log(e.code));
}
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
main().catch((e) => { console.log(e); process.exit(1); });
