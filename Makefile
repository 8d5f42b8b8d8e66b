# The one door for people. Every target installs and builds what it needs.
.PHONY: help up down lint check test soak sim nemesis bounds mutants bench load curves steady bench-slow bench-tls explore docs format clean build

# A seed of `crash` is thousands of runs.
SEEDS ?= $(if $(filter crash,$(PROFILE)),1,150)
SIM_ARGS = --seeds=$(SEEDS) $(if $(SEED),--seed=$(SEED)) $(if $(PROFILE),--profile=$(PROFILE)) $(if $(CASE),--case=$(CASE))

MINUTES ?= 2
NEMESIS_ARGS = --minutes=$(MINUTES) $(if $(SEED),--seed=$(SEED)) $(if $(ONLY),--only=$(ONLY))

SIM_PROFILES = lite raft membership disk rotten lease network core single quiet slow

# Whole clusters have a program of their own.
SIM_ROOM = $(if $(filter cluster txn watch locks crash,$(PROFILE)),cluster,sim)

help:
	@echo 'make up       three nodes on this machine, in the background; make down stops them'
	@echo 'make check    format, lint, types, tidy and unit tests, long searches cut short: under a minute'
	@echo 'make test     everything CI runs, each search in full'
	@echo 'make soak     many more seeds of each profile, and all planted bugs: some hours'
	@echo 'make sim      simulate a cluster under faults  [SEEDS=150] [SEED=n] [PROFILE=name] [CASE=...]'
	@echo 'make nemesis  real nodes and clients under real faults  [MINUTES=2] [SEED=n] [ONLY=kill,disk]'
	@echo 'make bounds   how long until all is well again after a fault, and what overload does'
	@echo 'make mutants  plant bugs and see each one caught  [BUG=name]'
	@echo 'make explore  every reachable state of a small Raft world'
	@echo 'make bench    micro-benchmarks beside a baseline, then three nodes and a client  [ACCEPT=1] [ONLY=...]'
	@echo 'make load     load from workloads  [PEERS=etcd,redis] [CLIENTS=1,64,256,1000] [ROUNDS=3] ...'
	@echo 'make curves   cost over shards, connections, keys, values and nodes  [ONLY=shards] [POINTS=1,16]'
	@echo 'make steady   the last quarter of a long run beside its first  [MINUTES=20]'
	@echo 'make bench-slow  throughput and elections on slow disks and processors'
	@echo 'make bench-tls   puts on a plain cluster and on one with certificates'
	@echo 'make docs     write docs/API.md anew from the doc comments'
	@echo 'make format   rewrite the sources in the house format'
	@echo 'make clean    remove what was built'

node_modules/.installed: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# The compiler writes what has changed since its last run, also if files of build/ were deleted
# meanwhile: then it has to begin anew.
build: node_modules/.installed
	@find src cli test bench examples -name '*.ts' | sed 's|^|build/|; s|ts$$|js|' \
	  | xargs ls > /dev/null 2>&1 || rm -f build/.tsbuildinfo
	@node_modules/.bin/tsc
	@chmod +x build/cli/kvctl.js

up: build
	@RINGKV_STOPPED_BY='make down$(if $(CONFIG), CONFIG=$(CONFIG))' node build/cli/kvctl.js up $(if $(CONFIG),--config $(CONFIG))

down: build
	@node build/cli/kvctl.js down $(if $(CONFIG),--config $(CONFIG))

lint: build
	node_modules/.bin/biome ci --colors=off --error-on-warnings .

check: lint
	node build/test/run.js unit --brief

test: lint
	node build/test/run.js unit
	node build/test/explore/main.js
	node build/test/run.js e2e
	node build/test/e2e/nemesis/main.js --minutes=2 --seed=51265
	node build/test/sim/main.js --seeds=150
	node build/test/cluster/main.js --seeds=100
	node build/test/cluster/main.js --profile=txn --seeds=100
	node build/test/cluster/main.js --profile=watch --seeds=40
	node build/test/cluster/main.js --profile=locks --seeds=40
	node build/test/planted/main.js --fast

# What is too long for every change: all profiles, each with many seeds, and all planted bugs.
soak: build
	for profile in $(SIM_PROFILES); do \
	  node build/test/sim/main.js --profile=$$profile --seeds=300 $(if $(SEED),--seed=$(SEED)) || exit 1; \
	done
	for profile in cluster txn watch locks; do \
	  node build/test/cluster/main.js --profile=$$profile --seeds=300 $(if $(SEED),--seed=$(SEED)) || exit 1; \
	done
	node build/test/cluster/main.js --profile=crash
	node build/test/e2e/nemesis/main.js --minutes=60
	node build/test/planted/main.js

sim: build
	node build/test/$(SIM_ROOM)/main.js $(SIM_ARGS)

nemesis: build
	node build/test/e2e/nemesis/main.js $(NEMESIS_ARGS)

bounds: build
	node build/test/e2e/nemesis/bounds.js
	node build/test/e2e/nemesis/overload.js

mutants: build
	node build/test/planted/main.js $(if $(BUG),--bug=$(BUG))

explore: build
	node build/test/explore/main.js

# ACCEPT=1 stores a new baseline, ONLY='hash raft' runs some of the micro-benchmarks and no nodes.
bench: build
	node build/bench/main.js $(ONLY) $(if $(ACCEPT),--accept)
	$(if $(ONLY)$(ACCEPT),,node build/bench/cluster/main.js)

# Beside other systems: make load PEERS=etcd,redis CLIENTS=1,64,256,1000 ROUNDS=3 WORKLOADS=put,get
# OPEN=25,50,75,90 adds open loops at that percentage of capacity, PROCESSES=2 splits the callers;
# SHARDS=1 has one Raft group, as etcd does.
LOAD_ARGS = $(if $(PEERS),--peers=$(PEERS)) $(if $(CLIENTS),--clients=$(CLIENTS)) \
  $(if $(ROUNDS),--rounds=$(ROUNDS)) $(if $(WORKLOADS),--workloads=$(WORKLOADS)) \
  $(if $(OPEN),--open=$(OPEN)) $(if $(PROCESSES),--processes=$(PROCESSES)) \
  $(if $(SHARDS),--shards=$(SHARDS)) \
  $(if $(SECONDS),--seconds=$(SECONDS)) $(if $(WARMUP),--warmup=$(WARMUP))
load: build
	node build/bench/load/main.js $(LOAD_ARGS)

# The costs of more shards, connections, keys, values and nodes: make curves ONLY='shards keys'
curves: build
	node build/bench/curves/main.js $(ONLY) $(if $(POINTS),--points=$(POINTS)) $(if $(SECONDS),--seconds=$(SECONDS))

# Whether the last quarter of a long run is as good as the first.
steady: MINUTES = 20
steady: build
	node build/bench/steady/main.js --minutes=$(MINUTES) $(if $(WORKLOADS),--workload=$(WORKLOADS))

bench-slow: build
	node build/bench/slow/main.js --pictures

bench-tls: build
	node build/bench/tls/main.js --callers=64 --rounds=8 --seconds=4

docs: build
	node build/test/support/api/main.js

format: node_modules/.installed
	node_modules/.bin/biome check --write .

clean:
	rm -rf build node_modules
