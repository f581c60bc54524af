// The calls of com.aliyun.mns, once; prints what it saw as JSON.
// Arguments: endpoint, account, region, version of the signature (V2 is what others call 1, or V4).

import com.aliyun.mns.client.CloudAccount;
import com.aliyun.mns.client.CloudQueue;
import com.aliyun.mns.client.CloudTopic;
import com.aliyun.mns.client.MNSClient;
import com.aliyun.mns.common.BatchDeleteException;
import com.aliyun.mns.common.ServiceException;
import com.aliyun.mns.common.ServiceHandlingRequiredException;
import com.aliyun.mns.common.auth.SignVersion;
import com.aliyun.mns.common.http.ClientConfiguration;
import com.aliyun.mns.model.Message;
import com.aliyun.mns.model.QueueMeta;
import com.aliyun.mns.model.RawTopicMessage;
import com.aliyun.mns.model.SubscriptionMeta;
import com.aliyun.mns.model.TopicMeta;
import com.google.gson.Gson;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

public class Client {
  interface Call {
    void run() throws Exception;
  }

  static String refusal(Call call) throws Exception {
    try {
      call.run();
    } catch (ServiceException error) {
      return error.getErrorCode();
    } catch (ServiceHandlingRequiredException error) {
      return ((ServiceException) error.getCause()).getErrorCode();
    }
    return "nothing";
  }

  static MNSClient connect(String[] given, String secret) {
    ClientConfiguration configuration = new ClientConfiguration();
    configuration.setSignatureVersion(SignVersion.valueOf(given[3]));
    configuration.setMaxErrorRetry(0);
    return new CloudAccount("test", secret, given[0], "", null, configuration, given[2])
        .getMNSClient();
  }

  public static void main(String[] given) throws Exception {
    Map<String, Object> seen = new LinkedHashMap<>();
    MNSClient client = connect(given, "test");
    MNSClient stranger = connect(given, "wrong");
    String name = "java-" + given[3];
    try {
      QueueMeta meta = new QueueMeta();
      meta.setQueueName(name);
      meta.setVisibilityTimeout(5L);
      CloudQueue queue = client.createQueue(meta);
      seen.put("url", queue.getQueueURL());
      meta.setVisibilityTimeout(6L);
      seen.put("conflict", refusal(() -> client.createQueue(meta)));
      meta.setVisibilityTimeout(5L);
      meta.setPollingWaitSeconds(1);
      queue.setAttributes(meta);
      QueueMeta shown = queue.getAttributes();
      seen.put("attributes", List.of(shown.getVisibilityTimeout(), shown.getPollingWaitSeconds()));
      seen.put("listed", client.listQueueURL(name, "", 10).getResult());
      seen.put("listedWithMeta", client.listQueue(name, "", 10).getResult().size());

      Message message = new Message();
      message.setMessageBodyAsRawString("<ü>");
      message.setPriority(3);
      Message sent = queue.putMessage(message);
      seen.put("md5", sent.getMessageBodyMD5());
      Message peeked = queue.peekMessage();
      seen.put("peeked", peeked.getMessageBodyAsRawString());
      Message got = queue.popMessage(1);
      seen.put("sameId", got.getMessageId().equals(sent.getMessageId()));
      seen.put("received", List.of(got.getMessageBodyAsRawString(), got.getPriority()));
      String first = got.getReceiptHandle();
      String second = queue.changeMessageVisibilityTimeout(first, 60);
      seen.put("stale", refusal(() -> queue.deleteMessage(first)));
      queue.deleteMessage(second);
      seen.put("empty", queue.popMessage(0) == null);

      List<Message> batch = new ArrayList<>();
      for (String body : List.of("a", "b", "c")) {
        batch.add(new Message(body)); // in base64, the client's own habit
      }
      seen.put("batchSent", queue.batchPutMessage(batch).size());
      seen.put("batchPeeked", queue.batchPeekMessage(16).size());
      List<String> handles = new ArrayList<>();
      List<String> bodies = new ArrayList<>();
      for (Message one : queue.batchPopMessage(16, 1)) {
        handles.add(one.getReceiptHandle());
        bodies.add(one.getMessageBodyAsString());
      }
      seen.put("batchReceived", bodies);
      queue.batchDeleteMessage(handles.subList(0, 2));
      try {
        queue.batchDeleteMessage(handles.subList(1, 3));
      } catch (ServiceHandlingRequiredException error) {
        Set<String> failed = ((BatchDeleteException) error.getCause()).getErrorMessages().keySet();
        seen.put("partial", failed.equals(Set.of(handles.get(1))));
      }

      CloudTopic topic = client.createTopic(topicNamed(name));
      seen.put("topics", client.listTopicURL(name, "", 10).getResult());
      SubscriptionMeta subscription = new SubscriptionMeta();
      subscription.setSubscriptionName("s");
      subscription.setEndpoint("acs:mns:" + given[2] + ":" + given[1] + ":queues/" + name);
      subscription.setNotifyContentFormat(SubscriptionMeta.NotifyContentFormat.SIMPLIFIED);
      subscription.setFilterTag("red");
      topic.subscribe(subscription);
      subscription.setNotifyStrategy(SubscriptionMeta.NotifyStrategy.EXPONENTIAL_DECAY_RETRY);
      topic.setSubscriptionAttr(subscription);
      SubscriptionMeta known = topic.getSubscriptionAttr("s");
      seen.put(
          "subscription",
          List.of(
              known.getEndpoint(), known.getNotifyStrategy().toString(), known.getFilterTag()));
      seen.put("subscriptions", topic.listSubscriptions("", "", 10).getResult().size());
      RawTopicMessage published = new RawTopicMessage();
      published.setBaseMessageBody("hello");
      published.setMessageTag("red");
      topic.publishMessage(published);
      seen.put("notified", queue.popMessage(1).getMessageBodyAsRawString());
      topic.unsubscribe("s");
      topic.delete();
      seen.put("topicGone", refusal(topic::getAttribute));

      CloudQueue forbidden = stranger.getQueueRef(name);
      seen.put("stranger", refusal(forbidden::getAttributes));
      queue.delete();
      seen.put("gone", refusal(queue::getAttributes));
    } finally {
      client.close();
      stranger.close();
    }
    System.out.println(new Gson().toJson(seen));
    System.exit(0);
  }

  static TopicMeta topicNamed(String name) {
    TopicMeta meta = new TopicMeta();
    meta.setTopicName(name);
    return meta;
  }
}
