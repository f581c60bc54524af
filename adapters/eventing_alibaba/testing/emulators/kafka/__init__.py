"""A Kafka cluster on this machine: librdkafka's mock cluster, which confluent-kafka carries.

Nothing is installed or downloaded for it: the client's own shared library has brokers inside, made
for librdkafka's tests. They listen on 127.0.0.1, speak the real protocol to any client of any
process, and can be told to fail. `KafkaEmulator` owns such a cluster in this process, and
`EmulatorProcess` in another one, with the same words.

What it does: produce (idempotent too), headers, keys, timestamps, compression; consumer groups of
both protocols with commits; watermarks and offsets by time; topics created on first use (4
partitions); brokers that go down and come up on the same port, leaders that move, latency, errors
on any request, and a log of the requests.

Where it differs from a real cluster:

- **Retention is small and silent**: per partition 5 MiB of record batches as they are stored, and
  100,000 batches; then the oldest go, and a consumer behind them sees OFFSET_OUT_OF_RANGE. There is
  no call that raises it. About 4,500 records of 1 KiB fit uncompressed; with `compression.type`
  `zstd` or `lz4` and data that compresses, hundreds of thousands do. More partitions help too.
- A fetch returns one batch per partition: produce with `linger.ms` if it should be fast.
- A waiting fetch is not woken by a new record. What arrives is seen after `fetch.wait.max.ms`
  (500 ms by default): set it to 10 where latency matters.
- `isolation.level=read_committed` also returns aborted records.
- No Admin API: CreateTopics, CreatePartitions, DeleteTopics, DescribeConfigs, DescribeGroups and
  the like time out or are refused. Topics are created here instead.
- No SASL, no TLS, no quotas, no ACLs; `errors` and `topic_error` can pretend the last two.
- No replication: a broker that is down takes the partitions it leads with it until `set_leader`.
- A new group does not wait for members (a real one does, 3 s) unless `rebalance_delay` says so.
- Every later rebalance of a group of the classic protocol, also the one after its last member has
  left, takes `session.timeout.ms` - 1 s, because the mock never ends the wait for members early.
  Give test clients `session.timeout.ms` of 1500 and `heartbeat.interval.ms` of 100: members that
  do not hear of the rebalance in that half second are left out of it. `group.protocol=consumer`
  has no such wait.

librdkafka calls the interface experimental; what it lacks in an older version raises
`EmulatorUnavailableError` with the function's name.
"""

from eventing_alibaba.testing.emulators.kafka.cluster import KafkaEmulator
from eventing_alibaba.testing.emulators.kafka.command import EMULATOR
from eventing_alibaba.testing.emulators.kafka.names import Request
from eventing_alibaba.testing.emulators.kafka.process import EmulatorProcess

__all__ = ["EMULATOR", "EmulatorProcess", "KafkaEmulator", "Request"]
