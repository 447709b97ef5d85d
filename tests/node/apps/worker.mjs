// Runs errands with Node's libraries, as tests/clients/apps/worker.py does with Python's; pytest sends for them.

import { createInterface } from "node:readline";

import { APPS as sdk } from "./ai-sdk.mjs";
import { APPS as own } from "./sdks.mjs";

const APPS = { ...sdk, ...own };
const write = process.stdout.write.bind(process.stdout);
// What a library prints must not be taken for an outcome.
for (const name of ["log", "info", "warn", "debug"]) console[name] = console.error;

for await (const line of createInterface({ input: process.stdin })) {
  const { app, errand, words } = JSON.parse(line);
  let outcome;
  try {
    outcome = await APPS[app](errand, words);
  } catch (error) {
    const { stack, responseBody, cause } = error;
    outcome = { error: [stack, responseBody, cause].filter(Boolean).join("\n") };
  }
  write(`${JSON.stringify(outcome)}\n`);
}
