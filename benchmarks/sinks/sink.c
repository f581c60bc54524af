/* An HTTP/1.1 sink for measuring forwarders: answers 204 after a fixed delay, counts, and notes how
 * long each record has travelled.
 *
 * One thread and one epoll set, so that it costs little of the core that it shares with the broker.
 * The delay is the same for all, therefore the answers are due in the order in which the requests
 * came: a ring buffer and one timerfd are all the timer that is needed, and no answer waits for
 * another connection's. Bodies with a length and chunked ones are read; requests may be pipelined.
 *
 * usage: sink DELAY_MICROSECONDS [RECORDS]
 *   prints "PORT\n" when it listens (127.0.0.1, a port of the kernel's choice)
 *   GET answers "requests N\n", N being the POSTs answered so far
 *   SIGTERM ends it
 * RECORDS is a file that gets 16 bytes per POST: two 64-bit integers of the machine's own order, the
 * time in the record and the time of its arrival, both in nanoseconds since 1970. The time in a
 * record is what stands after the first "t": of its body; a body without one is not noted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 16384, BUFFER = 1 << 16, EVENTS = 512, RING = 1 << 20 };

/* Life counts the connections that a descriptor has stood for, so that an answer that is due after
 * its connection's end does not go to the next one. */
struct connection {
  char *in;
  size_t have;
  uint32_t life;
};
struct answer {
  int64_t due;
  int fd;
  uint32_t life;
};

static struct connection connections[CONNECTIONS];
static struct answer ring[RING];
static uint64_t head, tail, posts;
static int64_t delay;
static int timer;
static FILE *records;

static const char ACCEPTED[] = "HTTP/1.1 204 No Content\r\n\r\n";

static void die(const char *what) {
  fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void drop(int fd) {
  connections[fd].life++;
  connections[fd].have = 0;
  close(fd);
}

/* An answer is far smaller than a socket's buffer: a client that lets it fill up reads nothing. */
static void reply(int fd, const char *text, size_t length) {
  if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length) drop(fd);
}

static void note(const char *body, size_t length, int64_t arrived) {
  const char *stamp = memmem(body, length, "\"t\":", 4);
  if (!stamp) return;
  int64_t pair[2] = {strtoll(stamp + 4, NULL, 10), arrived};
  if (pair[0] > 0) fwrite(pair, sizeof pair, 1, records);
}

static void accepted(int fd) {
  if (!delay) {
    posts++;
    reply(fd, ACCEPTED, sizeof ACCEPTED - 1);
    return;
  }
  if (tail - head == RING) die("more requests wait than there is room for");
  ring[tail++ % RING] = (struct answer){now(CLOCK_MONOTONIC) + delay, fd, connections[fd].life};
}

/* Length of the chunked body at the front of text; 0 while its end is missing, -1 if it is none. */
static ssize_t chunked(const char *text, size_t have) {
  size_t at = 0;
  for (;;) {
    const char *line = memmem(text + at, have - at, "\r\n", 2);
    if (!line) return 0;
    char *end;
    unsigned long size = strtoul(text + at, &end, 16);
    if (end == text + at || size > BUFFER) return -1;
    at = (size_t)(line - text) + 2 + size + 2;
    if (at > have) return 0;
    if (size == 0) return (ssize_t)at;
  }
}

/* Handles the request at the front of the buffer. Returns how many bytes it has taken: 0 if it is
 * not complete yet, -1 if it is not HTTP as understood here. */
static ssize_t request(int fd, const char *text, size_t have, int64_t arrived) {
  const char *blank = memmem(text, have, "\r\n\r\n", 4);
  if (!blank) return 0;
  size_t head_size = (size_t)(blank - text) + 4;
  size_t length = 0;
  int in_chunks = 0;
  for (const char *line = text; line < blank;) {
    const char *end = memmem(line, (size_t)(blank + 2 - line), "\r\n", 2);
    if (!strncasecmp(line, "content-length:", 15)) length = strtoul(line + 15, NULL, 10);
    if (!strncasecmp(line, "transfer-encoding:", 18)) in_chunks = 1;
    line = end + 2;
  }
  if (in_chunks) {
    ssize_t size = chunked(text + head_size, have - head_size);
    if (size <= 0) return size;
    length = (size_t)size;
  }
  if (have < head_size + length) return 0;
  if (!memcmp(text, "GET ", 4)) {
    char body[64], answer[192];
    int size = snprintf(body, sizeof body, "requests %lu\n", (unsigned long)posts);
    int whole = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, body);
    reply(fd, answer, (size_t)whole);
  } else {
    if (records) note(text + head_size, length, arrived);
    accepted(fd);
  }
  return (ssize_t)(head_size + length);
}

static void readable(int fd) {
  struct connection *c = &connections[fd];
  uint32_t life = c->life;
  ssize_t got = recv(fd, c->in + c->have, BUFFER - 1 - c->have, 0);
  if (got <= 0) {
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    drop(fd);
    return;
  }
  int64_t arrived = records ? now(CLOCK_REALTIME) : 0;
  c->have += (size_t)got;
  c->in[c->have] = 0; /* numbers are read up to a byte that is none */
  size_t at = 0;
  while (at < c->have) {
    ssize_t taken = request(fd, c->in + at, c->have - at, arrived);
    if (c->life != life) return;
    if (taken < 0 || (taken == 0 && c->have - at == BUFFER - 1)) {
      fprintf(stderr, "sink: a request that is no HTTP/1.1 or above %d bytes\n", BUFFER);
      drop(fd);
      return;
    }
    if (taken == 0) break;
    at += (size_t)taken;
  }
  c->have -= at;
  memmove(c->in, c->in + at, c->have);
}

static void answer_due(void) {
  int64_t clock = now(CLOCK_MONOTONIC);
  while (head < tail && ring[head % RING].due <= clock) {
    struct answer *a = &ring[head++ % RING];
    posts++;
    if (connections[a->fd].life == a->life) reply(a->fd, ACCEPTED, sizeof ACCEPTED - 1);
  }
}

/* The timer is set again only when another answer is the first that is due. */
static void set_timer(void) {
  static int64_t set;
  int64_t next = head < tail ? ring[head % RING].due : 0;
  if (next == set) return;
  set = next;
  struct itimerspec at = {.it_value = {next / 1000000000, next % 1000000000}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void watch(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
}

static void welcome(int epoll, int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0) return;
  if (fd >= CONNECTIONS) {
    close(fd);
    return;
  }
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!connections[fd].in && !(connections[fd].in = malloc(BUFFER))) die("malloc");
  watch(epoll, fd);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: sink DELAY_MICROSECONDS [RECORDS]\n");
    return 2;
  }
  delay = strtoll(argv[1], NULL, 10) * 1000;
  if (argc > 2 && !(records = fopen(argv[2], "wb"))) die(argv[2]);

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  int ended = signalfd(-1, &signals, 0);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof here;
  if (bind(listener, (struct sockaddr *)&here, size) || listen(listener, 1024)) die("listen");
  getsockname(listener, (struct sockaddr *)&here, &size);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  int epoll = epoll_create1(0);
  if (ended < 0 || timer < 0 || epoll < 0) die("start");
  watch(epoll, listener);
  watch(epoll, timer);
  watch(epoll, ended);
  printf("%d\n", ntohs(here.sin_port));
  fflush(stdout);

  struct epoll_event events[EVENTS];
  for (;;) {
    set_timer();
    int count = epoll_wait(epoll, events, EVENTS, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == ended) return records && fclose(records) ? 1 : 0;
      if (fd == listener) welcome(epoll, listener);
      else if (fd == timer) (void)!read(timer, &(uint64_t){0}, sizeof(uint64_t));
      else readable(fd);
    }
    answer_due();
  }
}
