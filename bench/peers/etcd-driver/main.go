// Drives etcd for bench/load: one workload in a closed loop. It prints `begin` when the warm-up is
// over, then the result as a line of JSON, and ends when its standard input does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/clientv3"
)

var (
	endpoints = flag.String("endpoints", "127.0.0.1:2379", "of all members, with commas")
	workload  = flag.String("workload", "put", "fill, put, get or txn2")
	callers   = flag.Int("callers", 1, "calls at a time")
	conns     = flag.Int("conns", 1, "connections they share")
	seconds   = flag.Float64("seconds", 5, "measured, after the warm-up")
	warmup    = flag.Float64("warmup", 2, "seconds that are not measured")
	keys      = flag.Int("keys", 100000, "how many there are")
	valueSize = flag.Int("value", 256, "bytes of a value")
)

type result struct {
	Operations int       `json:"operations"`
	Seconds    float64   `json:"seconds"`
	Quantiles  []float64 `json:"quantiles"`
	Failed     int       `json:"failed"`
}

func key(at int) string { return fmt.Sprintf("key-%012d", at) }

func main() {
	flag.Parse()
	clients := make([]*clientv3.Client, *conns)
	for at := range clients {
		client, err := clientv3.New(clientv3.Config{
			Endpoints:   strings.Split(*endpoints, ","),
			DialTimeout: 10 * time.Second,
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		defer client.Close()
		clients[at] = client
	}
	value := strings.Repeat("v", *valueSize)
	if *workload == "fill" {
		fill(clients, value)
		return
	}
	begin := time.Now()
	from := begin.Add(time.Duration(*warmup * float64(time.Second)))
	until := from.Add(time.Duration(*seconds * float64(time.Second)))
	times := make([][]float64, *callers)
	failures := make([]int, *callers)
	go func() {
		time.Sleep(time.Until(from))
		fmt.Println("begin")
	}()
	var group sync.WaitGroup
	for at := 0; at < *callers; at++ {
		group.Add(1)
		go func(at int) {
			defer group.Done()
			client := clients[at%len(clients)]
			random := rand.New(rand.NewSource(int64(at) + begin.UnixNano()))
			for {
				sent := time.Now()
				if sent.After(until) {
					return
				}
				err := call(client, random, value)
				if sent.Before(from) {
					continue
				}
				if err != nil {
					failures[at]++
				} else {
					times[at] = append(times[at], float64(time.Since(sent).Microseconds())/1000)
				}
			}
		}(at)
	}
	group.Wait()
	told := result{Seconds: time.Since(from).Seconds()}
	all := []float64{}
	for at := range times {
		all = append(all, times[at]...)
		told.Failed += failures[at]
	}
	sort.Float64s(all)
	told.Operations = len(all)
	for _, share := range []float64{0.5, 0.99, 0.999, 1} {
		at := int(share * float64(len(all)))
		if at >= len(all) {
			at = len(all) - 1
		}
		if at < 0 {
			told.Quantiles = append(told.Quantiles, 0)
		} else {
			told.Quantiles = append(told.Quantiles, all[at])
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(told)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func call(client *clientv3.Client, random *rand.Rand, value string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	one, other := random.Intn(*keys), random.Intn(*keys)
	switch *workload {
	case "put":
		_, err := client.Put(ctx, key(one), value)
		return err
	case "get":
		_, err := client.Get(ctx, key(one))
		return err
	case "txn2":
		_, err := client.Txn(ctx).Then(
			clientv3.OpPut(key(one), value),
			clientv3.OpPut(key((one+1+other%(*keys-1))%*keys), value),
		).Commit()
		return err
	default:
		return fmt.Errorf("unknown workload %s", *workload)
	}
}

func fill(clients []*clientv3.Client, value string) {
	var group sync.WaitGroup
	const batch = 100
	batches := make(chan int)
	for at := 0; at < 64; at++ {
		group.Add(1)
		go func(client *clientv3.Client) {
			defer group.Done()
			for from := range batches {
				ops := []clientv3.Op{}
				for at := from; at < from+batch && at < *keys; at++ {
					ops = append(ops, clientv3.OpPut(key(at), value))
				}
				if _, err := client.Txn(context.Background()).Then(ops...).Commit(); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}
		}(clients[at%len(clients)])
	}
	for from := 0; from < *keys; from += batch {
		batches <- from
	}
	close(batches)
	group.Wait()
}
