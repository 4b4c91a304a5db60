// node-hl7-server and node-hl7-client: node hl7_peer.mjs FOLDER, which has node_modules.
//
// Prints the port of a server, then a line of JSON for each message that it takes. What comes in by standard input, as
// a line {"port": …, "message": …}, is sent there, and its acknowledgement printed. Serves until standard input ends.

import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const require = createRequire(`${process.argv[2]}/`);
const { Server } = require('node-hl7-server');
const { Client, Message } = require('node-hl7-client');

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const text = (message, path) => message.get(path).toString();

const free = createServer().listen(0, '127.0.0.1', () => {
  const { port } = free.address();
  free.close(() => {
    const inbound = new Server({ bindAddress: '127.0.0.1' }).createInbound({ port }, async (request, response) => {
      const message = request.getMessage();
      say({
        taken: text(message, 'MSH.10'),
        kind: text(message, 'MSH.9'),
        version: text(message, 'MSH.12'),
        observations: message.toString().split('\r').filter((segment) => segment.startsWith('OBX')).length,
      });
      await response.sendResponse('AA');
    });
    inbound.on('listen', () => say({ port }));
  });
});

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { port, message } = JSON.parse(line);
    const outbound = new Client({ host: '127.0.0.1' }).createConnection({ port }, async (response) => {
      const said = response.getMessage();
      say({ acknowledged: text(said, 'MSA.2'), code: text(said, 'MSA.1') });
      await outbound.close();
    });
    outbound.sendMessage(new Message({ text: message }));
  })
  .on('close', () => process.exit(0));
