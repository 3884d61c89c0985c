# make run    build and run the daemon on this machine
# make test   every check there is; installs what it needs on Debian
# make bench  measure beside nginx, Caddy and a bare Go server
# make client compile and run a client that is generated from the document
# make faults the fault plan of docs/reliability.md, with a table of figures
# make build  release binaries in dist/

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PLATFORMS = linux/amd64 linux/arm64 windows/amd64 darwin/arm64
GOBUILD = CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: run test check unit page client bench faults build fuzz clean

run:
	go run .

test:
	bash .ci/test

# The checks that need no database and no browser.
check:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "gofmt differs in these files"; exit 1; }
	go mod verify
	go mod tidy -diff
	go vet ./...
	GOOS=windows go vet ./...
	GOOS=darwin go vet ./...
	$(STATICCHECK) ./...

unit:
	go test -race ./...

page:
	cd webui && npm ci --no-audit --no-fund && npm test

client:
	cd daemon/testdata/client && npm ci --no-audit --no-fund && npm test

bench:
	go run ./bench $(BENCHFLAGS)

faults:
	bash .ci/faults

# Each fuzz target for FUZZTIME.
FUZZTIME ?= 10s
fuzz:
	bash .ci/fuzz $(FUZZTIME)

build:
	@for p in $(PLATFORMS); do \
		out=dist/quartermaster-$${p%/*}-$${p#*/}; \
		case $$p in windows/*) out=$$out.exe;; esac; \
		echo $$out; GOOS=$${p%/*} GOARCH=$${p#*/} $(GOBUILD) -o $$out . || exit 1; \
	done

clean:
	rm -rf dist .cache
