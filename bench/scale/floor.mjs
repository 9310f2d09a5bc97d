// The least that any tool would do to see what a plan needs: one sequential listing of the vault, and the three lists of
// the swarm beside it. Plain JavaScript without a package, so that nothing but the wire is measured.
import { Agent, request } from 'node:http';

const [vault, swarm] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const headers = { authorization: 'Bearer planner' };

const get = (url) =>
  new Promise((resolve, reject) => {
    request(url, { agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      response.once('end', () => resolve(JSON.parse(text)));
    })
      .once('error', reject)
      .end();
  });

const listing = async () => {
  let seen = 0;
  for (let next = `${vault}/secrets?api-version=7.5&maxresults=25`; next;) {
    const page = await get(next);
    seen += page.value.length;
    next = page.nextLink;
  }
  return seen;
};

const engine = swarm.replace('tcp:', 'http:');
const [seen] = await Promise.all([
  listing(),
  ...['secrets', 'services', 'tasks'].map((what) => get(`${engine}/${what}`)),
]);
console.log(seen);
