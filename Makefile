# make demo        one order through everything; ONCE=1 stops at the end
# make up          the stack and the workers, until Ctrl-C
# make test        all tests, the end-to-end ones included
# make test-compose  docker-compose.yml on a Docker engine of its own (as root)
# make bench       the benchmarks
# make lint        the linters, workflowcheck and the walls of the house
# make build       all programs, into bin/
# make clean       what make made; orders stay in .local, servers in the cache

SHELL := /bin/bash
BIN   := bin
TOOLS := $(BIN)/tools

.PHONY: demo up test test-compose bench lint build servers tools packages clean
.DEFAULT_GOAL := build

build:
	@mkdir -p $(BIN)
	go build -o $(BIN)/ ./workers/shop ./workers/crm ./workers/mes ./starter ./deploy/local ./deploy/simulate

# The real Temporal and the real Jaeger, once.
servers: build
	$(BIN)/local build

demo: build
	$(BIN)/local demo $(if $(ONCE),--once)

up: build
	$(BIN)/local up

test: packages tools servers
	$(TOOLS)/gotestsum --format pkgname-and-test-fails --format-hide-empty-pkg -- -race -timeout 40m ./...

# The images that cannot be pulled are built from the same programs: deploy/standins.
# The first time takes half an hour. COMPOSE_ORDERS=50: fewer orders in the chaos.
test-compose: packages tools
	$(TOOLS)/gotestsum --format standard-verbose -- -tags compose -count 1 -timeout 60m ./deploy/standins ./deploy/compose/e2e

bench: build
	go test -run '^$$' -bench . -benchtime 1x ./...

lint: tools
	$(TOOLS)/golangci-lint run
	$(TOOLS)/workflowcheck -config workflow/workflowcheck.yaml ./workflow/...
	gofmt -l . | (! grep .)
	go mod tidy -diff

tools:
	@mkdir -p $(TOOLS)
	GOBIN=$(CURDIR)/$(TOOLS) go -C tools install tool
	GOBIN=$(CURDIR)/$(TOOLS) go -C deploy/kubernetes/tools install tool

# What the tests need of Debian; where it cannot be had, they are skipped by name.
packages:
	@deploy/local/packages

clean:
	rm -rf $(BIN)
