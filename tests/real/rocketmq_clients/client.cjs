// The calls of rocketmq-client-nodejs, once; prints what it saw as JSON.
// Arguments: folder with node_modules, endpoint, a word that topics and groups begin with.
"use strict";
const { createRequire } = require("node:module");
const [folder, endpoints, word] = process.argv.slice(2);
const { Producer, SimpleConsumer, PushConsumer, FilterExpression, ConsumeResult } =
  createRequire(`${folder}/`)("rocketmq-client-nodejs");

const [NORMAL, FIFO, DELAY] = ["normal", "fifo", "delay"].map((kind) => `${word}-${kind}`);
const SQL = 2;
const quiet = { info() {}, warn() {}, error() {}, debug() {} };

function configuration(secret = "test") {
  return {
    endpoints,
    namespace: "",
    sslEnabled: false,
    sessionCredentials: { accessKey: "test", accessSecret: secret, securityToken: "" },
    logger: quiet,
  };
}

async function consumer(group, topic, filter = FilterExpression.SUB_ALL) {
  const one = new SimpleConsumer({
    ...configuration(),
    consumerGroup: `${word}-${group}`,
    subscriptions: new Map([[topic, filter]]),
    awaitDuration: 5000,
  });
  await one.startup();
  return one;
}

async function received(one, count) {
  const found = [];
  for (let tries = 0; found.length < count && tries < 20; tries += 1) {
    found.push(...(await one.receive(32, 120000)));
  }
  return found;
}

function shown(one) {
  return {
    body: one.body.toString(),
    tag: one.tag,
    keys: [...one.keys],
    properties: Object.fromEntries(one.properties),
    attempt: one.deliveryAttempt,
  };
}

// Fails the message "2" when it sees it first.
async function push(group, topic, wanted) {
  const seen = [];
  let done;
  const all = new Promise((resolve) => (done = resolve));
  const one = new PushConsumer({
    ...configuration(),
    consumerGroup: `${word}-${group}`,
    subscriptions: new Map([[topic, FilterExpression.SUB_ALL]]),
    messageListener: {
      async consume(message) {
        seen.push([message.body.toString(), message.deliveryAttempt]);
        if (seen.length === wanted) done();
        const twos = seen.filter(([body]) => body === "2").length;
        const again = seen.at(-1)[0] === "2" && twos === 1;
        return again ? ConsumeResult.FAILURE : ConsumeResult.SUCCESS;
      },
    },
  });
  await one.startup();
  await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 60000))]);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await one.shutdown();
  return seen;
}

async function main() {
  const seen = {};
  const producer = new Producer({ ...configuration(), topic: [NORMAL, FIFO, DELAY] });
  await producer.startup();
  for (const [at, tag] of [..."aba"].entries()) {
    await producer.send({
      topic: NORMAL,
      body: Buffer.from(`${at + 1}`),
      tag,
      keys: [`k${at + 1}`],
      properties: new Map([["n", `${at + 1}`]]),
    });
  }
  for (let number = 0; number < 5; number += 1) {
    await producer.send({ topic: FIFO, body: Buffer.from(`${number}`), messageGroup: "g" });
  }
  const sent = Date.now();
  await producer.send({ topic: DELAY, body: Buffer.from("late"), delay: 2000 });

  let one = await consumer("tag", NORMAL, new FilterExpression("a"));
  let found = await received(one, 2);
  for (const each of found) await one.ack(each);
  seen.tag = found.map(shown).sort((left, right) => left.body.localeCompare(right.body));
  await one.shutdown();

  one = await consumer("sql", NORMAL, new FilterExpression("n > 1 AND TAGS <> 'c'", SQL));
  found = await received(one, 2);
  seen.sql = found.map((each) => each.body.toString()).sort();
  await one.ack(found[0]);
  await one.changeInvisibleDuration(found[1], 1000);
  const [again] = await received(one, 1);
  seen.again = [again.body.equals(found[1].body), again.deliveryAttempt];
  await one.ack(again);
  await one.shutdown();

  one = await consumer("fifo", FIFO);
  found = await received(one, 5);
  for (const each of found) await one.ack(each);
  seen.fifo = found.map((each) => each.body.toString());
  await one.shutdown();

  one = await consumer("delay", DELAY);
  [found] = await received(one, 1);
  seen.delay = [found.body.toString(), Date.now() - sent > 900];
  await one.ack(found);
  await one.shutdown();

  seen.push = (await push("push", NORMAL, 4)).sort();
  seen.pushFifo = (await push("push-fifo", FIFO, 5)).map(([body]) => body);

  const stranger = new Producer({ ...configuration("wrong"), topic: NORMAL });
  await Promise.race([
    stranger.startup().catch(() => {}),
    new Promise((resolve) => setTimeout(resolve, 3000)), // it goes on trying
  ]);
  await producer.shutdown();
  return seen;
}

main().then(
  (seen) => process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0)),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
