# Everything the project needs to prove itself, and nothing beside Go, node and npm.
#
#	make test    all tests; installs what they need (clients, servers) under .cache
#	make short   the tests that need no network, in under a minute
#	make lint    gofmt, vet, staticcheck, the import table, package docs
#	make bench   the figures of the README, measured on this machine, beside other servers (COUCH_URL, NPM_URL)
#	make fuzz    every fuzz target for FUZZTIME (default 20s)

GO       ?= go
FUZZTIME ?= 20s

# Two packages at a time: tests start real servers and clients, and more of them
# than cores only makes each one slower.
TEST = $(GO) test -p 2

.PHONY: build test short lint bench fuzz clean

build:
	$(GO) build -o bin/settee ./cmd/settee

test:
	$(TEST) -timeout 30m ./...

short:
	$(TEST) -short -timeout 5m ./...

lint:
	$(GO) test -count=1 -run 'Lint' ./fixtures

# The second line is of two servers far apart, in network namespaces: it needs Linux and root. The third installs an
# application from the npm registry that npm is configured for.
bench: build
	.ci/bench bin/settee
	$(GO) test ./fixtures/e2e -run NONE -bench Regions -benchtime 40x
	$(GO) test ./fixtures/e2e -run NONE -bench Install -benchtime 3x

fuzz:
	.ci/fuzz $(FUZZTIME)

clean:
	rm -rf bin .cache
