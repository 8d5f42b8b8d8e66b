/*
 * A switch between network namespaces, for kernels without netem.
 *
 *   switch COUNT
 *
 * It makes the TUN devices rk1 to rkCOUNT and says `ready`; the process that started it moves them into
 * namespaces and gives rkN the address 10.99.0.N. Packets go by the last byte of their destination.
 * What happens between two ports is set, for each direction alone, by lines on standard input:
 *
 *   set FROM TO [cut=1] [loss=P] [delay=US] [jitter=US] [duplicate=P] [reorder=P] [rate=B] [queue=US]
 *   clear            every link is perfect again
 *   count            answers one line: the counters of all links together, as JSON
 *
 * `loss`, `duplicate`, `reorder` are probabilities, `delay`, `jitter`, `queue` microseconds, `rate`
 * bytes a second; a packet that would wait longer than `queue` is dropped. Without `reorder` packets
 * of one link stay in order whatever the jitter. The end of the input ends the switch, and with it
 * its devices.
 *
 * The devices carry a virtio header, so that the kernel neither cuts nor sums up what never leaves
 * the machine: a packet may have 64 KiB.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PORTS_MAX 32
#define HEADER 10 /* struct virtio_net_hdr */
#define PACKET_MAX (HEADER + 65536)
#define WAITING_MAX 65536
#define WAITING_BYTES_MAX (256u << 20)
#define READS_A_TURN 64

struct link {
  int cut;
  double loss, duplicate, reorder;
  uint64_t delay, jitter, rate, queue; /* nanoseconds, bytes a second */
  uint64_t last;                       /* when the latest packet arrives */
  uint64_t busy;                       /* until when the link carries what it was given */
};

struct packet {
  uint64_t due, order;
  int to;
  size_t length;
  unsigned char *bytes;
};

static struct link links[PORTS_MAX + 1][PORTS_MAX + 1];
static int devices[PORTS_MAX + 1];
static int ports;

static struct packet heap[WAITING_MAX];
static size_t waiting, waiting_bytes;
static uint64_t next_order;

static struct {
  uint64_t passed, cut, lost, delayed, duplicated, reordered, overflowed;
} counts;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* xorshift64*: what is lost need not be repeatable, the schedule of faults is. */
static double fraction(void) {
  static uint64_t state = 88172645463325252u;
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (double)((state * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static int is_before(const struct packet *one, const struct packet *other) {
  return one->due != other->due ? one->due < other->due : one->order < other->order;
}

static void push(struct packet packet) {
  size_t at = waiting++;
  waiting_bytes += packet.length;
  packet.order = next_order++;
  while (at > 0 && is_before(&packet, &heap[(at - 1) / 2])) {
    heap[at] = heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  heap[at] = packet;
}

static struct packet pop(void) {
  struct packet first = heap[0], last = heap[--waiting];
  waiting_bytes -= first.length;
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= waiting) break;
    if (child + 1 < waiting && is_before(&heap[child + 1], &heap[child])) child++;
    if (!is_before(&heap[child], &last)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last;
  return first;
}

static void deliver(int to, const unsigned char *bytes, size_t length) {
  counts.passed++;
  if (write(devices[to], bytes, length) < 0) counts.overflowed++;
}

static void keep(int to, uint64_t due, const unsigned char *bytes, size_t length) {
  unsigned char *copy;
  if (waiting == WAITING_MAX || waiting_bytes + length > WAITING_BYTES_MAX ||
      (copy = malloc(length)) == NULL) {
    counts.overflowed++;
    return;
  }
  memcpy(copy, bytes, length);
  push((struct packet){.due = due, .to = to, .length = length, .bytes = copy});
}

static void forward(int from, int to, const unsigned char *bytes, size_t length) {
  struct link *link = &links[from][to];
  if (link->cut) {
    counts.cut++;
    return;
  }
  if (link->loss > 0 && fraction() < link->loss) {
    counts.lost++;
    return;
  }
  int copies = link->duplicate > 0 && fraction() < link->duplicate ? 2 : 1;
  if (copies == 2) counts.duplicated++;
  for (; copies > 0; copies--) {
    uint64_t at = now(), due = at + link->delay;
    if (link->jitter > 0) due += (uint64_t)(fraction() * (double)link->jitter);
    if (link->rate > 0) {
      uint64_t start = link->busy > at ? link->busy : at;
      if (start - at > link->queue) {
        counts.overflowed++;
        return;
      }
      link->busy = start + (uint64_t)length * 1000000000u / link->rate;
      due += link->busy - at;
    }
    if (link->reorder > 0 && fraction() < link->reorder) counts.reordered++;
    else if (due < link->last) due = link->last;
    if (due > link->last) link->last = due;
    if (due <= at) {
      deliver(to, bytes, length);
    } else {
      counts.delayed++;
      keep(to, due, bytes, length);
    }
  }
}

static void take(int from) {
  static unsigned char bytes[PACKET_MAX];
  for (int turn = 0; turn < READS_A_TURN; turn++) {
    ssize_t length = read(devices[from], bytes, sizeof bytes);
    if (length <= 0) return;
    const unsigned char *packet = bytes + HEADER;
    if (length < HEADER + 20 || packet[0] >> 4 != 4) continue;
    int to = packet[19];
    if (packet[16] == 10 && packet[17] == 99 && to >= 1 && to <= ports)
      forward(from, to, bytes, (size_t)length);
  }
}

static void set(char *words) {
  char *rest = NULL, *word = strtok_r(words, " ", &rest);
  int from = word ? atoi(word) : 0;
  word = strtok_r(NULL, " ", &rest);
  int to = word ? atoi(word) : 0;
  if (from < 1 || from > ports || to < 1 || to > ports) {
    printf("no such link\n");
    return;
  }
  struct link *link = &links[from][to];
  uint64_t last = link->last;
  memset(link, 0, sizeof *link);
  link->last = last;
  link->queue = 1000000000u;
  while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
    char *equals = strchr(word, '=');
    if (equals == NULL) continue;
    double value = atof(equals + 1);
    size_t name = (size_t)(equals - word);
#define IS(text) (name == strlen(text) && memcmp(word, text, name) == 0)
    if (IS("cut")) link->cut = value != 0;
    else if (IS("loss")) link->loss = value;
    else if (IS("duplicate")) link->duplicate = value;
    else if (IS("reorder")) link->reorder = value;
    else if (IS("delay")) link->delay = (uint64_t)(value * 1000);
    else if (IS("jitter")) link->jitter = (uint64_t)(value * 1000);
    else if (IS("rate")) link->rate = (uint64_t)value;
    else if (IS("queue")) link->queue = (uint64_t)(value * 1000);
    else printf("unknown word %s\n", word);
  }
}

static void obey(char *line) {
  if (strncmp(line, "set ", 4) == 0) {
    set(line + 4);
  } else if (strcmp(line, "clear") == 0) {
    for (int from = 1; from <= ports; from++)
      for (int to = 1; to <= ports; to++) memset(&links[from][to], 0, sizeof(struct link));
  } else if (strcmp(line, "count") == 0) {
    printf("{\"passed\":%llu,\"cut\":%llu,\"lost\":%llu,\"delayed\":%llu,\"duplicated\":%llu,"
           "\"reordered\":%llu,\"overflowed\":%llu}\n",
           (unsigned long long)counts.passed, (unsigned long long)counts.cut,
           (unsigned long long)counts.lost, (unsigned long long)counts.delayed,
           (unsigned long long)counts.duplicated, (unsigned long long)counts.reordered,
           (unsigned long long)counts.overflowed);
  } else {
    printf("unknown command %s\n", line);
  }
  fflush(stdout);
}

/* False at the end of the input. */
static int listen_once(void) {
  static char text[65536];
  static size_t length;
  ssize_t got = read(0, text + length, sizeof text - 1 - length);
  if (got <= 0) return 0;
  length += (size_t)got;
  text[length] = 0;
  char *start = text, *end;
  while ((end = strchr(start, '\n')) != NULL) {
    *end = 0;
    obey(start);
    start = end + 1;
  }
  length = (size_t)(text + length - start);
  memmove(text, start, length);
  return 1;
}

static int make_device(int port) {
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request;
  memset(&request, 0, sizeof request);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  snprintf(request.ifr_name, IFNAMSIZ, "rk%d", port);
  if (device < 0 || ioctl(device, TUNSETIFF, &request) < 0 ||
      ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0) {
    fprintf(stderr, "the device rk%d cannot be made: %s\n", port, strerror(errno));
    exit(1);
  }
  return device;
}

int main(int count, char **words) {
  ports = count > 1 ? atoi(words[1]) : 0;
  if (ports < 1 || ports > PORTS_MAX) {
    fprintf(stderr, "usage: switch COUNT, from 1 to %d\n", PORTS_MAX);
    return 2;
  }
  /* On a busy machine the network is not to be what is slow. */
  setpriority(PRIO_PROCESS, 0, -15);
  struct pollfd sources[PORTS_MAX + 1];
  sources[0] = (struct pollfd){.fd = 0, .events = POLLIN};
  for (int port = 1; port <= ports; port++) {
    devices[port] = make_device(port);
    sources[port] = (struct pollfd){.fd = devices[port], .events = POLLIN};
  }
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    struct timespec patience = {.tv_sec = 3600, .tv_nsec = 0};
    if (waiting > 0) {
      uint64_t at = now(), rest = heap[0].due > at ? heap[0].due - at : 0;
      patience.tv_sec = (time_t)(rest / 1000000000u);
      patience.tv_nsec = (long)(rest % 1000000000u);
    }
    if (ppoll(sources, (nfds_t)ports + 1, &patience, NULL) < 0 && errno != EINTR) return 1;
    if (sources[0].revents != 0 && !listen_once()) return 0;
    for (int port = 1; port <= ports; port++)
      if (sources[port].revents & POLLIN) take(port);
    for (uint64_t at = now(); waiting > 0 && heap[0].due <= at;) {
      struct packet packet = pop();
      deliver(packet.to, packet.bytes, packet.length);
      free(packet.bytes);
    }
  }
}
