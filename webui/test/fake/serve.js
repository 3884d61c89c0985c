/** Runs the fake daemon by hand: npm run fake. Sign in as Ada, "four random words here". */

import { FakeDaemon } from './daemon.js';

const fake = new FakeDaemon();
if (process.argv.includes('--setup')) fake.needsSetup = true;
await fake.start(Number(process.env.PORT ?? 27080));
const page = fake.needsSetup ? `/app/setup#${fake.setupToken}` : '/app/';
process.stdout.write(`${fake.url}${page}\n`);
