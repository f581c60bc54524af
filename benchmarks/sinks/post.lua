-- What wrk sends: one event of the size and with the headers that the forwarders send.
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["ce-specversion"] = "1.0"
wrk.headers["ce-id"] = "partition:0/offset:123456"
wrk.headers["ce-type"] = "dev.knative.kafka.event"
wrk.headers["ce-source"] = "/apis/v1/namespaces/default/kafkasources/benchmark#records"
wrk.headers["ce-subject"] = "partition:0#123456"
wrk.headers["ce-time"] = "2026-01-01T00:00:00.000Z"
wrk.headers["ce-key"] = "key-1234"
wrk.headers["ce-kafkaheaderfirst"] = "value-of-the-first"
wrk.headers["ce-kafkaheadersecond"] = "value-of-the-second"
wrk.body = string.rep("x", 1024)
