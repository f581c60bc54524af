// The calls of rocketmq-client-java, once; prints what it saw as JSON.
// Arguments: endpoint, a word that topics and groups begin with.

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.StaticSessionCredentialsProvider;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.FilterExpressionType;
import org.apache.rocketmq.client.apis.consumer.PushConsumer;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.shaded.com.google.gson.Gson;

public class Client {
  static final ClientServiceProvider PROVIDER = ClientServiceProvider.loadService();
  static String endpoint;
  static String word;

  static ClientConfiguration configuration(String secret) {
    return ClientConfiguration.newBuilder()
        .setEndpoints(endpoint)
        .enableSsl(false)
        .setCredentialProvider(new StaticSessionCredentialsProvider("test", secret))
        .build();
  }

  static SimpleConsumer consumer(String group, String topic, FilterExpression filter)
      throws Exception {
    return PROVIDER.newSimpleConsumerBuilder()
        .setClientConfiguration(configuration("test"))
        .setConsumerGroup(word + "-" + group)
        .setAwaitDuration(Duration.ofSeconds(5))
        .setSubscriptionExpressions(Collections.singletonMap(topic, filter))
        .build();
  }

  static List<MessageView> received(SimpleConsumer one, int count) throws Exception {
    List<MessageView> found = new ArrayList<>();
    for (int tries = 0; found.size() < count && tries < 20; tries++) {
      found.addAll(one.receive(32, Duration.ofSeconds(120)));
    }
    return found;
  }

  static String body(MessageView one) {
    ByteBuffer body = one.getBody();
    return StandardCharsets.UTF_8.decode(body).toString();
  }

  static Map<String, Object> shown(MessageView one) {
    Map<String, Object> shown = new LinkedHashMap<>();
    shown.put("body", body(one));
    shown.put("tag", one.getTag().orElse(null));
    shown.put("keys", new ArrayList<>(one.getKeys()));
    shown.put("properties", one.getProperties());
    shown.put("attempt", one.getDeliveryAttempt());
    return shown;
  }

  // Fails the message "2" when it sees it first.
  static List<List<Object>> push(String group, String topic, int wanted) throws Exception {
    List<List<Object>> seen = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch all = new CountDownLatch(wanted);
    AtomicBoolean failed = new AtomicBoolean();
    PushConsumer one =
        PROVIDER.newPushConsumerBuilder()
            .setClientConfiguration(configuration("test"))
            .setConsumerGroup(word + "-" + group)
            .setSubscriptionExpressions(
                Collections.singletonMap(topic, FilterExpression.SUB_ALL))
            .setMessageListener(
                message -> {
                  seen.add(List.of(body(message), message.getDeliveryAttempt()));
                  all.countDown();
                  boolean again = body(message).equals("2") && failed.compareAndSet(false, true);
                  return again ? ConsumeResult.FAILURE : ConsumeResult.SUCCESS;
                })
            .build();
    all.await(60, TimeUnit.SECONDS);
    Thread.sleep(1000); // the acknowledgement of the last one is on its way
    one.close();
    return new ArrayList<>(seen);
  }

  public static void main(String[] given) throws Exception {
    endpoint = given[0];
    word = given[1];
    String normal = word + "-normal";
    String fifo = word + "-fifo";
    String delay = word + "-delay";
    Map<String, Object> seen = new LinkedHashMap<>();
    Producer producer =
        PROVIDER.newProducerBuilder()
            .setClientConfiguration(configuration("test"))
            .setTopics(normal, fifo, delay)
            .build();
    String tags = "aba";
    for (int number = 1; number <= 3; number++) {
      producer.send(
          PROVIDER.newMessageBuilder()
              .setTopic(normal)
              .setTag(tags.substring(number - 1, number))
              .setKeys("k" + number)
              .addProperty("n", "" + number)
              .setBody(("" + number).getBytes(StandardCharsets.UTF_8))
              .build());
    }
    for (int number = 0; number < 5; number++) {
      producer.send(
          PROVIDER.newMessageBuilder()
              .setTopic(fifo)
              .setMessageGroup("g")
              .setBody(("" + number).getBytes(StandardCharsets.UTF_8))
              .build());
    }
    long sent = System.currentTimeMillis();
    producer.send(
        PROVIDER.newMessageBuilder()
            .setTopic(delay)
            .setDeliveryTimestamp(sent + 2000)
            .setBody("late".getBytes(StandardCharsets.UTF_8))
            .build());

    SimpleConsumer one =
        consumer("tag", normal, new FilterExpression("a", FilterExpressionType.TAG));
    List<MessageView> found = received(one, 2);
    for (MessageView each : found) {
      one.ack(each);
    }
    seen.put(
        "tag",
        found.stream()
            .sorted(Comparator.comparing(Client::body))
            .map(Client::shown)
            .collect(Collectors.toList()));
    one.close();

    String sql = "n > 1 AND TAGS <> 'c'";
    one = consumer("sql", normal, new FilterExpression(sql, FilterExpressionType.SQL92));
    found = received(one, 2);
    seen.put("sql", found.stream().map(Client::body).sorted().collect(Collectors.toList()));
    one.changeInvisibleDuration(found.get(0), Duration.ofSeconds(10));
    one.ack(found.get(0));
    one.changeInvisibleDuration(found.get(1), Duration.ofSeconds(1));
    MessageView again = received(one, 1).get(0);
    seen.put("again", List.of(body(again).equals(body(found.get(1))), again.getDeliveryAttempt()));
    one.ack(again);
    one.close();

    one = consumer("fifo", fifo, FilterExpression.SUB_ALL);
    found = received(one, 5);
    for (MessageView each : found) {
      one.ack(each);
    }
    seen.put("fifo", found.stream().map(Client::body).collect(Collectors.toList()));
    one.close();

    one = consumer("delay", delay, FilterExpression.SUB_ALL);
    MessageView late = received(one, 1).get(0);
    seen.put("delay", List.of(body(late), System.currentTimeMillis() - sent > 900));
    one.ack(late);
    one.close();

    List<List<Object>> pushed = push("push", normal, 4);
    pushed.sort(Comparator.comparing(Object::toString));
    seen.put("push", pushed);
    seen.put(
        "pushFifo",
        push("push-fifo", fifo, 6).stream().map(each -> each.get(0)).collect(Collectors.toList()));

    try {
      PROVIDER.newProducerBuilder()
          .setClientConfiguration(configuration("wrong"))
          .setTopics(normal)
          .build();
    } catch (IllegalStateException refused) {
      // it says no more than that it is not running
    }
    producer.close();
    System.out.println(new Gson().toJson(seen));
    System.exit(0);
  }
}
