// Every call of @alicloud/mns that is more than an empty method, once; prints what it saw as JSON.
// Arguments: folder with node_modules, endpoint, account.
"use strict";
const { createRequire } = require("node:module");
const [folder, endpoint, account] = process.argv.slice(2);
const Client = createRequire(`${folder}/`)("@alicloud/mns");

const client = new Client(account, {
  accessKeyId: "test",
  accessKeySecret: "test",
  endpoint,
});

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error.name;
  }
  return "nothing";
}

async function main() {
  const seen = {};
  const made = await client.createQueue("node", { VisibilityTimeout: 5 });
  const again = await client.createQueue("node", { VisibilityTimeout: 5 });
  seen.created = [made.code, again.code, made.headers.location];
  seen.conflict = await refusal(client.createQueue("node", { VisibilityTimeout: 6 }));
  await client.setQueueAttributes("node", { PollingWaitSeconds: 1 });
  seen.attributes = (await client.getQueueAttributes("node")).body;
  seen.listed = (await client.listQueue(undefined, 10, "no")).body;

  // This client leaves escaping to its users.
  const sent = await client.sendMessage("node", { MessageBody: "&lt;ü&gt;", Priority: 3 });
  seen.sent = [sent.code, sent.body];
  seen.peeked = (await client.peekMessage("node")).body;
  const got = (await client.receiveMessage("node", 1)).body;
  seen.received = got;
  const hidden = await client.changeMessageVisibility("node", got.ReceiptHandle, 60);
  seen.hidden = hidden.body;
  seen.stale = await refusal(client.deleteMessage("node", got.ReceiptHandle));
  seen.deleted = (await client.deleteMessage("node", hidden.body.ReceiptHandle)).code;
  seen.empty = await refusal(client.receiveMessage("node", 1));

  const bodies = ["a", "b", "c"].map((MessageBody) => ({ MessageBody }));
  seen.batchSent = (await client.batchSendMessage("node", bodies)).body.length;
  seen.batchPeeked = (await client.batchPeekMessage("node", 16)).body.length;
  const batch = (await client.batchReceiveMessage("node", 16, 1)).body;
  seen.batchReceived = batch.map((message) => message.MessageBody);
  const handles = batch.map((message) => message.ReceiptHandle);
  seen.batchDeleted = (await client.batchDeleteMessage("node", handles.slice(0, 2))).code;
  const partial = await client.batchDeleteMessage("node", handles.slice(1));
  seen.partial = [partial.code, partial.body, handles[1]];

  seen.topic = (await client.createTopic("node-topic")).code;
  await client.setTopicAttributes("node-topic", { MaximumMessageSize: 2048 });
  seen.topicAttributes = (await client.getTopicAttributes("node-topic")).body;
  seen.topics = (await client.listTopic(undefined, 10, "no")).body;
  seen.published = (await client.publishMessage("node-topic", { MessageBody: "x" })).code;

  seen.gone = (await client.deleteQueue("node")).code;
  seen.afterwards = await refusal(client.getQueueAttributes("node"));
  const stranger = new Client(account, {
    accessKeyId: "test",
    accessKeySecret: "wrong",
    endpoint,
  });
  seen.stranger = await refusal(stranger.getQueueAttributes("node"));
  return seen;
}

main().then(
  (seen) => process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0)),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
