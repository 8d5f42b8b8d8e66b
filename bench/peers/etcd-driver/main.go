// Drives etcd for bench/load: one workload, in a closed loop or, with -rate, in an open one. It
// prints `begin` when the warm-up is over, then the result as a line of JSON, and ends when its
// standard input does.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
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
	workload  = flag.String("workload", "put", "fill, verify, or one of those in workloads.go")
	callers   = flag.Int("callers", 1, "calls at a time, at most")
	conns     = flag.Int("conns", 1, "connections they share")
	seconds   = flag.Float64("seconds", 5, "measured, after the warm-up")
	warmup    = flag.Float64("warmup", 2, "seconds that are not measured")
	rate      = flag.Float64("rate", 0, "operations a second that become due; 0: a closed loop")
	keys      = flag.Int("keys", 100000, "how many there are")
	valueSize = flag.Int("value", 256, "bytes of a value")
)

type result struct {
	Operations int       `json:"operations"`
	Seconds    float64   `json:"seconds"`
	Quantiles  []float64 `json:"quantiles"`
	Failed     int       `json:"failed"`
	Unsent     int       `json:"unsent"`
}

// What one caller saw, in milliseconds.
type seen struct {
	times  []float64
	failed int
	unsent int
}

func main() {
	flag.Parse()
	clients := connect()
	value := strings.Repeat("v", *valueSize)
	switch *workload {
	case "fill":
		fill(clients, value)
		return
	case "verify":
		verify(clients[0])
		return
	}
	begin := time.Now()
	from := begin.Add(time.Duration(*warmup * float64(time.Second)))
	until := from.Add(time.Duration(*seconds * float64(time.Second)))
	go func() {
		time.Sleep(time.Until(from))
		fmt.Println("begin")
	}()
	all := make([]seen, *callers)
	due := make(chan time.Time, 1<<20)
	if *rate > 0 {
		go arrive(due, begin, until)
	}
	var group sync.WaitGroup
	for at := range all {
		group.Add(1)
		go func(at int) {
			defer group.Done()
			caller := newCaller(clients[at%len(clients)], value, int64(at)+begin.UnixNano())
			if *rate > 0 {
				open(&all[at], caller, due, from, until)
			} else {
				closed(&all[at], caller, from, until)
			}
		}(at)
	}
	group.Wait()
	told := summary(all)
	told.Seconds = *seconds
	if *rate <= 0 {
		told.Seconds = time.Since(from).Seconds()
	}
	// What became due and found no free caller before the end.
	told.Unsent += len(due)
	_ = json.NewEncoder(os.Stdout).Encode(told)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func connect() []*clientv3.Client {
	members := strings.Split(*endpoints, ",")
	clients := make([]*clientv3.Client, *conns)
	for at := range clients {
		// One member each, as in etcd's own load generator: a client of all three has three times as
		// many connections, and fewer requests share a frame.
		client, err := clientv3.New(clientv3.Config{
			Endpoints:   []string{members[at%len(members)]},
			DialTimeout: 10 * time.Second,
		})
		if err != nil {
			fail(err)
		}
		clients[at] = client
	}
	return clients
}

func closed(into *seen, caller *caller, from, until time.Time) {
	for {
		sent := time.Now()
		if sent.After(until) {
			return
		}
		err := caller.call()
		into.add(sent, from, err)
	}
}

// The latency of each operation counts from the time at which it was due.
func open(into *seen, caller *caller, due <-chan time.Time, from, until time.Time) {
	for at := range due {
		if time.Now().After(until) {
			into.unsent++
			return
		}
		err := caller.call()
		into.add(at, from, err)
	}
}

func (into *seen) add(since, from time.Time, err error) {
	switch {
	case since.Before(from):
	case err != nil:
		into.failed++
	default:
		into.times = append(into.times, float64(time.Since(since).Microseconds())/1000)
	}
}

// Operations that become due independently of each other: the gaps of a Poisson process.
func arrive(due chan<- time.Time, begin, until time.Time) {
	random := rand.New(rand.NewSource(begin.UnixNano()))
	at := begin
	for at.Before(until) {
		time.Sleep(time.Until(at))
		due <- at
		gap := -math.Log(1-random.Float64()) / *rate
		at = at.Add(time.Duration(gap * float64(time.Second)))
	}
	close(due)
}

func summary(all []seen) result {
	told := result{}
	times := []float64{}
	for at := range all {
		times = append(times, all[at].times...)
		told.Failed += all[at].failed
		told.Unsent += all[at].unsent
	}
	sort.Float64s(times)
	told.Operations = len(times)
	for _, share := range []float64{0.5, 0.99, 0.999, 1} {
		at := int(share * float64(len(times)))
		if at >= len(times) {
			at = len(times) - 1
		}
		if at < 0 {
			told.Quantiles = append(told.Quantiles, 0)
		} else {
			told.Quantiles = append(told.Quantiles, times[at])
		}
	}
	return told
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
