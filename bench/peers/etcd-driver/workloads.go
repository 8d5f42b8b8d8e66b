// The workloads: what a caller does once. They are those of bench/load/workloads that etcd's API
// can express in one request.
package main

import (
	"context"
	"fmt"
	"math"
	"math/rand"
	"sort"
	"strings"
	"sync"

	"go.etcd.io/etcd/clientv3"
)

const (
	scanRows   = 100
	largeKeys  = 200
	largeBytes = 64 * 1024
	skew       = 0.99
	fillBatch  = 100
	checks     = 1000
)

var large = strings.Repeat("v", largeBytes)

type caller struct {
	client *clientv3.Client
	random *rand.Rand
	value  string
}

func newCaller(client *clientv3.Client, value string, seed int64) *caller {
	return &caller{client: client, value: value, random: rand.New(rand.NewSource(seed))}
}

func key(at int) string { return fmt.Sprintf("key-%012d", at) }

func (c *caller) call() error {
	// Without a deadline, as in etcd's own load generator: a deadline costs timers on both sides.
	ctx := context.Background()
	switch *workload {
	case "put":
		return c.put(ctx, c.uniform())
	case "get":
		return c.get(ctx, c.uniform())
	case "get-stale":
		return c.get(ctx, c.uniform(), clientv3.WithSerializable())
	case "scan":
		from := c.random.Intn(*keys - scanRows)
		return c.get(ctx, from, clientv3.WithFromKey(), clientv3.WithLimit(scanRows))
	case "large-put":
		_, err := c.client.Put(ctx, fmt.Sprintf("large-%d", c.random.Intn(largeKeys)), large)
		return err
	case "txn2":
		return c.putTogether(ctx, 2)
	case "txn3":
		return c.putTogether(ctx, 3)
	case "ycsb-a":
		return c.readOr(ctx, 0.5)
	case "ycsb-b":
		return c.readOr(ctx, 0.95)
	case "ycsb-c":
		return c.readOr(ctx, 1)
	default:
		return fmt.Errorf("unknown workload %s", *workload)
	}
}

func (c *caller) uniform() int { return c.random.Intn(*keys) }

func (c *caller) put(ctx context.Context, at int) error {
	_, err := c.client.Put(ctx, key(at), c.value)
	return err
}

func (c *caller) get(ctx context.Context, at int, how ...clientv3.OpOption) error {
	answer, err := c.client.Get(ctx, key(at), how...)
	if err == nil && len(answer.Kvs) == 0 {
		return fmt.Errorf("%s does not exist", key(at))
	}
	return err
}

// Different keys in one transaction.
func (c *caller) putTogether(ctx context.Context, count int) error {
	taken := map[int]bool{}
	ops := []clientv3.Op{}
	for len(ops) < count {
		at := c.uniform()
		if !taken[at] {
			taken[at] = true
			ops = append(ops, clientv3.OpPut(key(at), c.value))
		}
	}
	_, err := c.client.Txn(ctx).Then(ops...).Commit()
	return err
}

func (c *caller) readOr(ctx context.Context, reads float64) error {
	at := zipfian(c.random)
	if c.random.Float64() < reads {
		return c.get(ctx, at)
	}
	return c.put(ctx, at)
}

var (
	sumsOnce sync.Once
	sums     []float64
)

// As YCSB draws keys; Go's own generator needs a skew above one.
func zipfian(random *rand.Rand) int {
	sumsOnce.Do(func() { sums = zipfSums(*keys) })
	return sort.SearchFloat64s(sums, random.Float64()*sums[len(sums)-1])
}

// Partial sums of the weights of Zipf's law, the first key the heaviest.
func zipfSums(count int) []float64 {
	sums := make([]float64, count)
	sum := 0.0
	for at := range sums {
		sum += 1 / math.Pow(float64(at+1), skew)
		sums[at] = sum
	}
	return sums
}

func fill(clients []*clientv3.Client, value string) {
	var group sync.WaitGroup
	batches := make(chan int)
	for at := 0; at < 64; at++ {
		group.Add(1)
		go func(client *clientv3.Client) {
			defer group.Done()
			for from := range batches {
				ops := []clientv3.Op{}
				for at := from; at < from+fillBatch && at < *keys; at++ {
					ops = append(ops, clientv3.OpPut(key(at), value))
				}
				if _, err := client.Txn(context.Background()).Then(ops...).Commit(); err != nil {
					fail(err)
				}
			}
		}(clients[at%len(clients)])
	}
	for from := 0; from < *keys; from += fillBatch {
		batches <- from
	}
	close(batches)
	group.Wait()
}

// A sample of the keys, by linearizable reads.
func verify(client *clientv3.Client) {
	for nth := 0; nth < checks; nth++ {
		at := rand.Intn(*keys)
		answer, err := client.Get(context.Background(), key(at))
		if err != nil {
			fail(err)
		}
		if len(answer.Kvs) != 1 || len(answer.Kvs[0].Value) != *valueSize {
			fail(fmt.Errorf("%s does not have its value", key(at)))
		}
	}
}
