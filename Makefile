# `make help` lists the targets. A target's exit status is make's own (2 for every
# failure); the command each one runs is printed by `make -n TARGET`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

GO ?= go
ARGS ?=
FUZZTIME ?= 30s
BENCH ?= .
SAMPLE ?= 40

# Build tags choose the environment; every one of them must compile and lint. TAG= is that of
# one run.
TAGS := none ci drill
TAG ?=

# go build asks git for the commit, and git refuses a checkout that is another user's.
ifneq ($(shell git rev-parse --is-inside-work-tree 2>/dev/null),true)
export GOFLAGS := $(strip $(shell $(GO) env GOFLAGS) -buildvcs=false)
endif

# Builds testprom and compiles what a test needs, in sight. Before it was ever done, what shows that has to be built itself.
COMPILED = $${XDG_CACHE_HOME:-$${HOME:-}/.cache}/veza-drill/compiled.json
COMPILE = @mkdir -p out; [ -e "$(COMPILED)" ] || echo 'building what says how far compiling is, of three small modules'; \
	$(GO) run ./internal/cmd/compile -go '$(GO)' -tags '$(TAG)' -o out/testprom ./internal/cmd/testprom

TEST := $(GO) test -shuffle=on -timeout 60m ./...
# What a tag changes; `make test` runs the rest. `make test-versions` runs the matrix, `make test-cluster` drills into a cluster, `make test-stanzas` applies the role for several stanzas, `make test-runbooks` types pages.
TAG_CHANGES = $(shell grep -rlE --include='env_*.go' '^//go:build' . | xargs dirname | sort -u)
TAGGED = $(filter-out %/matrixtest %/clustertest %/stanzatest %/runbooktest %/bench,$(TAG_CHANGES))
TEST_CI = $(GO) test -tags ci -shuffle=on $(TAGGED)
# The longest first: it waits more than it works.
TEST_LAB = $(GO) test -tags drill -shuffle=on -timeout 58m ./internal/harness/lab/prodtest $(filter-out %/prodtest,$(TAGGED))

# Every Debian release that must pass, with the PostgreSQL and pgBackRest it has.
SUITES := bookworm trixie sid
TEST_VERSIONS = $(GO) test -tags ci -count=1 -timeout 45m ./internal/harness/matrixtest

GOLANGCI_VERSION := 2.15.0
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/veza-drill/bin
GOLANGCI := $(TOOLS)/golangci-lint
GOLANGCI_STAMP := $(TOOLS)/.golangci-$(GOLANGCI_VERSION)
DEADCODE_VERSION := 0.52.0
DEADCODE_STAMP := $(TOOLS)/.deadcode-$(DEADCODE_VERSION)
GOVULNCHECK_VERSION := 1.9.0
GOVULNCHECK_STAMP := $(TOOLS)/.govulncheck-$(GOVULNCHECK_VERSION)
MINIO_VERSION := 0.0.0-20260212201848-7aac2a2c5b7c
VERSITYGW_VERSION := 1.8.0

##@ Every day

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo '  Settings of the drill go into ARGS, as in make drill ARGS="-conf FILE -stanza NAME"; $(GO) test ./drill -v -args -h lists them.'

.PHONY: drill
drill: programs-drill ## drill a seeded cluster, or ARGS='-conf FILE' (TAG=drill: in Incus, ci: in Docker); leaves metrics and report in out/
	$(COMPILE) ./drill
	out/testprom -textfile out/veza_backup_drill.prom -report out/report.json -history out/history.jsonl -stream out/drill.jsonl \
		-- $(GO) test $(if $(TAG),-tags $(TAG) )./drill -run '^TestDrill$$' $(ARGS)

.PHONY: backup
backup: programs-drill ## the checks on a seeded repository's backups, or ARGS='-conf FILE'; leaves metrics and report in out/
	$(COMPILE) ./backup
	out/testprom -suite backup -textfile out/veza_backup_check.prom -report out/backup-report.json -history out/backup-history.jsonl \
		-stream out/backup.jsonl -- $(GO) test $(if $(TAG),-tags $(TAG) )./backup -run '^TestBackup$$' $(ARGS)

.PHONY: control
control: programs-drill ## is the drill red when it should be? On a seeded cluster, or ARGS='-conf FILE'; leaves metrics and report in out/
	$(COMPILE) ./drill
	out/testprom -suite control -textfile out/veza_backup_control.prom -report out/control-report.json -history out/control-history.jsonl \
		-stream out/control.jsonl -- $(GO) test $(if $(TAG),-tags $(TAG) )./drill -run '^TestControl$$' $(ARGS)

.PHONY: veza-restore
veza-restore: programs-go ## builds out/veza-restore, which restores for real: out/veza-restore -h
	@mkdir -p out
	@$(GO) run ./internal/cmd/compile -go '$(GO)' -o out/veza-restore ./internal/cmd/restore

.PHONY: evidence
evidence: programs-go ## builds out/bin/evidence, which verifies what -evidence left, and gates by it: out/bin/evidence -h
	@mkdir -p out/bin
	@$(GO) run ./internal/cmd/compile -go '$(GO)' -o out/bin/evidence ./internal/cmd/evidence

.PHONY: check
check: vet tidy-check length $(GOLANGCI_STAMP) ## before a commit: vet per tag, linter, go.mod, the tests that need nothing but Go
	@$(GOLANGCI) run --allow-parallel-runners ./...
	@$(MAKE) test-short

.PHONY: test
test: programs-test minio versitygw ## every test, those on a real PostgreSQL, pgBackRest and S3 servers included
	$(TEST)

.PHONY: test-short
test-short: ## what needs nothing but Go
	$(GO) test -short -shuffle=on ./...

##@ Deeper tests

.PHONY: race
race: programs-test minio versitygw ## every test under the race detector (needs gcc)
	$(GO) test -race -shuffle=on ./...
	$(GO) test -race -short ./drill

# .ci/run asks for them, so that nothing of make's stands behind the test runner's lines.
.PHONY: test-command test-ci-command test-lab-command test-versions-command
test-command:
	@echo '$(TEST)'
test-ci-command:
	@echo '$(TEST_CI)'
test-lab-command:
	@echo '$(TEST_LAB)'
# On the release of this machine the other parts of CI run more.
test-versions-command:
	@echo '$(TEST_VERSIONS) -skip ^TestVersions$$/^$(shell . /etc/os-release && echo "$$VERSION_CODENAME")$$'

# The test binary itself, so that it prints its table and nothing of the go command's.
FAULTS = cd internal/harness/acceptance && ../../../out/faults.test -test.timeout 30m -table

.PHONY: faults
faults: programs-test ## breaks repositories and clusters in every known way, and prints what the drill said of each
	@mkdir -p out
	@$(GO) test -c -o out/faults.test ./internal/harness/acceptance
	@$(FAULTS)

.PHONY: faults-all
faults-all: faults ## the same, and those for containers in Docker and in Incus
	@.ci/docker
	@$(MAKE) images
	@$(FAULTS) -environment ci
	@.ci/incus
	@$(MAKE) image
	@$(FAULTS) -environment drill

##@ Quality

.PHONY: lint
lint: vet lint-ansible lint-routes length deadcode vulncheck $(GOLANGCI_STAMP) ## vet and golangci-lint once per build tag (of what the tag changes), dead code, the length of files; vulncheck; lint-ansible
	@echo 'golangci-lint, tag none'; $(GOLANGCI) run --allow-parallel-runners ./...
	@for tag in $(filter-out none,$(TAGS)); do echo "golangci-lint, tag $$tag"; $(GOLANGCI) run --allow-parallel-runners --build-tags "$$tag" $(TAG_CHANGES); done

.PHONY: length
length: ## no Go file has more than 400 lines
	@find . -name '*.go' -print0 | xargs -0 wc -l | awk '$$2 != "total" && $$1 > 400 {print $$2 " has " $$1 " lines; the ceiling is 400"; bad = 1} END {exit bad}'

# What one tag leaves aside another may need: dead is what no tag and no test reaches.
.PHONY: deadcode
deadcode: $(DEADCODE_STAMP) ## functions that nothing calls, under any build tag, tests included
	@echo 'deadcode, all tags'
	@for tag in $(TAGS); do $(TOOLS)/deadcode -test -tags "$${tag#none}" ./... | sort -u; done | sort | uniq -c | \
		awk '$$1 == $(words $(TAGS)) {$$1 = ""; print; dead = 1} END {exit dead}'

.PHONY: vulncheck
vulncheck: $(GOVULNCHECK_STAMP) ## known vulnerabilities of what is called, by govulncheck, where its database answers (GOVULNDB=)
	@.ci/packages curl
	@.ci/vulncheck $(TOOLS)/govulncheck $(TAGS)

# A shell script is known by its first line; one that is sourced says there what it is.
.PHONY: lint-ansible
lint-ansible: ## the roles, YAML and shell scripts: ansible-lint, yamllint, shellcheck
	@.ci/packages ansible-lint yamllint shellcheck
	@find .ci fixtures -type f ! -name '*.j2' -exec awk 'FNR == 1 && /^(#!.*sh$$|# shellcheck shell=)/ {print FILENAME} {nextfile}' {} + | xargs shellcheck -x
	@yamllint --strict --config-file .yamllint fixtures .github .golangci.yml
	@cd fixtures/ansible && ansible-lint --offline --profile production
	@.ci/units --check
	@.ci/stanzas
	@.ci/leftovers
	@.ci/conf
	@.ci/catchup
	@.ci/tags
	@.ci/node-roles
	@.ci/packages promtool
	@.ci/expected

.PHONY: lint-routes
lint-routes: ## the example of Alertmanager's route, by amtool
	@.ci/packages amtool
	@.ci/routes

.PHONY: vet
vet: ## go vet, once per build tag
	@for tag in $(TAGS); do echo "go vet, tag $$tag"; $(GO) vet -tags "$${tag#none}" ./...; done

.PHONY: fmt
fmt: $(GOLANGCI_STAMP) ## format the code the way lint wants it
	$(GOLANGCI) fmt ./...

.PHONY: tidy-check
tidy-check: ## go.mod and go.sum hold what is used, and nothing else
	$(GO) mod tidy -diff

# A knob that is set to nothing leaves out what it asks for. Ctrl-C ends the run, and nothing of it stays.
knob = $(if $(filter undefined,$(origin $(1))),,-$(2) '$($(1))')
BENCHMARKS = $(shell grep -rlE --include='*_test.go' '^func Benchmark' . | xargs -r dirname | sort -u)

.PHONY: bench
bench: programs-drill ## the drill beside the raw commands, near and far, and the converter (ROUNDS=2 SEGMENTS=160 SIZES=0.1,1,5 DELAYS=0,20 BASE=)
	@mkdir -p out
	@$(GO) build -o out/bench-run ./internal/cmd/bench
	@exec out/bench-run $(call knob,ROUNDS,rounds) $(call knob,SEGMENTS,segments) $(call knob,SIZES,sizes) $(call knob,DELAYS,delays) $(call knob,BASE,base)
	@$(GO) build -o out/compared-run ./internal/cmd/compared
	@out/compared-run -cost 1 -out out/compare-cost
	@$(GO) test -p 1 -run '^$$' -bench '$(BENCH)' -benchtime 3x -timeout 60m $(BENCHMARKS)
	@if incus query /1.0 >/dev/null 2>&1 </dev/null; then $(GO) test -tags drill -run '^$$' -bench 'Incus' -benchtime 3x -timeout 60m ./internal/harness/bench; \
	else echo 'no Incus answers here: the drill in a container was not timed (.ci/incus starts one)'; fi

# Without the limit on minimizing, a target spends its whole time on one interesting input.
.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s)
	@grep -rE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's/^(.*)\/[^/]*:func (Fuzz[A-Za-z0-9_]+).*/\1 \2/' | sort | \
		while read -r package target; do $(GO) test "$$package" -run '^$$' -fuzz "^$$target\$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 10x </dev/null; done

# Ctrl-C ends it in good order, with the counts so far. A red keeps its evidence in out/soak/.
.PHONY: soak
soak: programs-drill ## N clean drills (20) over sources of many kinds; counts reds (SEED=, ARGS='-only "s3 busy"')
	@mkdir -p out
	@$(GO) build -o out/soak-run ./internal/cmd/soak
	@exec out/soak-run -n $(or $(N),20) $(if $(SEED),-seed $(SEED)) $(ARGS)

# It ends with 1 when a round calls something a difference: nothing is one here.
.PHONY: compare-soak
compare-soak: programs-drill ## N rounds (50) of -compare standby beside a production at work, which fails over in between; counts differences
	@mkdir -p out
	@$(GO) build -o out/compared-run ./internal/cmd/compared
	@exec out/compared-run -n $(or $(N),50) $(ARGS)

.PHONY: compare-judge
compare-judge: programs-drill ## a production of N gigabytes (1) at work, with one thing wrong at a time; each must be found where it is
	@mkdir -p out
	@$(GO) build -o out/compared-run ./internal/cmd/compared
	@exec out/compared-run -judge $(or $(N),1) $(ARGS)

# What judges each: the package's own tests, those that run the recorded streams, whole drills.
.PHONY: mutants
mutants: programs-test ## breaks the code of the verdict one place at a time; prints what no test notices (SAMPLE=40 of each package)
	@$(GO) build -o out/mutate ./internal/cmd/mutate
	-out/mutate -sample '$(SAMPLE)' $$(ls internal/testprom/testreport/*.go | grep -v _test) -- sh -c '$(GO) test -short ./internal/testprom/testreport && $(GO) test -short ./internal/testprom/runner'
	-out/mutate -sample '$(SAMPLE)' $$(ls internal/verify/*.go | grep -v _test) -- $(GO) test ./internal/verify
	-out/mutate -sample '$(SAMPLE)' $$(ls drill/*.go | grep -v _test) -- $(GO) test -short ./drill
	-out/mutate -sample '$(SAMPLE)' $$(ls backup/*.go | grep -v _test) -- $(GO) test -short ./backup

.PHONY: golden
golden: ## rewrite golden files, and the generated tables in drill/README.md; look at the diff
	$(GO) test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -r dirname | sort -u) -update

##@ Images and the lab

.PHONY: image
image: ## the Incus image drills restore into (PG_MAJOR=17 IMAGE_PACKAGES=...; KIND=node: the lab's)
	@.ci/packages mmdebstrap zstd
	@fixtures/images/build $(or $(KIND),sandbox)

# The object store's program is not built for an image that comes from a registry.
.PHONY: images
images: $(if $(DRILL_MINIO_IMAGE),,minio) ## the Docker images of test-ci (PG_MAJOR=17; DRILL_IMAGE=, DRILL_MINIO_IMAGE= of a registry instead)
	@$(if $(DRILL_IMAGE),,.ci/packages mmdebstrap zstd)
	@fixtures/images/build container
	@fixtures/images/minio $(TOOLS)/minio

.PHONY: lab-up
lab-up: minio ## a small production in Incus to drill against (LAB_ROWS=100000 users, PG_MAJOR=17; CLUSTER=2: an Incus cluster in it)
	@.ci/packages prometheus promtool prometheus-node-exporter prometheus-alertmanager ssh-keygen
	@.ci/incus
	@majors=$$($(GO) run ./internal/cmd/lab majors) && for major in $$majors; do \
		for kind in sandbox node; do $(MAKE) image KIND=$$kind PG_MAJOR=$$major; done; done
	@$(GO) run ./internal/cmd/lab up
	@$(if $(CLUSTER),.ci/packages mmdebstrap zstd && fixtures/images/member && $(GO) run ./internal/cmd/lab cluster)

.PHONY: lab-down
lab-down: ## remove all of it
	@$(GO) run ./internal/cmd/lab down

.PHONY: test-lab
test-lab: programs-test ## what the tag drill changes: the drill and the checks in Incus, the story of an installation; against the lab that is up
	@.ci/packages ssh
	DRILL_CONF=$$($(GO) run ./internal/cmd/lab conf) $(TEST_LAB)

.PHONY: test-cluster
test-cluster: ## drills into an Incus cluster of two members, against a lab that has one (make lab-up CLUSTER=2)
	$(GO) test -tags drill -count=1 -v -timeout 30m ./internal/harness/lab/clustertest

.PHONY: test-stanzas
test-stanzas: ## applies role dr_drill for several stanzas and two hosts, against the lab that is up
	@.ci/packages ansible-playbook ssh
	$(GO) test -tags drill -count=1 -v -timeout 30m ./internal/harness/lab/stanzatest

.PHONY: test-runbooks
test-runbooks: ## types the pages for other keys, a new passphrase, an upgrade and a lost drill host, against the lab that is up
	@.ci/packages ansible-playbook ssh
	$(GO) test -tags drill -count=1 -v -timeout 60m ./internal/harness/lab/runbooktest

.PHONY: test-ci
test-ci: programs-test ## what the tag ci changes: the drill and the checks in Docker containers; starts an engine when none answers
	@.ci/docker
	@$(MAKE) images
	$(TEST_CI)

.PHONY: test-versions
test-versions: ## the drill, the backup checks and part of the faults in containers of each Debian release (bookworm, trixie, sid)
	@.ci/docker
	@$(MAKE) version-images
	$(TEST_VERSIONS)

# The newest comes last: it asks every repository whose backup's version is not known yet.
.PHONY: version-images
version-images: $(if $(DRILL_MINIO_IMAGE),,minio)
	@.ci/packages mmdebstrap zstd
	@for suite in $(SUITES); do env -u PG_MAJOR -u DRILL_IMAGE IMAGE_SUITE=$$suite fixtures/images/build container; done
	@fixtures/images/minio $(TOOLS)/minio

.PHONY: minio
minio: $(TOOLS)/.minio-$(MINIO_VERSION) ## the object store of lab and containers, built from source once

.PHONY: versitygw
versitygw: $(TOOLS)/.versitygw-$(VERSITYGW_VERSION) ## a second S3 server that the faults are run on, built from source once

##@ Packages

.PHONY: dist
dist: ## tarball and .deb in out/dist (TAG=drill: for Incus; ci: for Docker; none: for this machine; VERSION=1.2.3)
	@$(GO) run -trimpath ./internal/cmd/dist -tag '$(or $(TAG),drill)' $(if $(VERSION),-version '$(VERSION)')

.PHONY: dist-check
dist-check: ## makes them twice and compares; installs, asks, purges; lintian, mandoc
	@.ci/packages dpkg-deb lintian mandoc shellcheck
	@TAG='$(or $(TAG),drill)' .ci/dist-check

##@ Housekeeping

.PHONY: clean
clean: ## remove what the targets left in the checkout
	rm -rf out drill/.last-run backup/.last-run

# What is missing is installed, or named.
.PHONY: programs-drill programs-test programs-go
programs-go:
	@command -v '$(GO)' >/dev/null || { echo 'missing here: Go 1.26 or later in PATH; https://go.dev/dl/ says how (/usr/local/go/bin)' >&2; exit 2; }
programs-drill: programs-go
	@.ci/packages postgres pgbackrest
programs-test: programs-go
	@.ci/packages postgres pgbackrest promtool prometheus prometheus-node-exporter prometheus-alertmanager chromium ansible-playbook

$(GOLANGCI_STAMP):
	@echo 'building golangci-lint $(GOLANGCI_VERSION) into $(TOOLS), once: some minutes'
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_VERSION)
	@rm -f $(TOOLS)/.golangci-*
	@touch $@

$(DEADCODE_STAMP):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) GOFLAGS= $(GO) install golang.org/x/tools/cmd/deadcode@v$(DEADCODE_VERSION)
	@rm -f $(TOOLS)/.deadcode-*
	@touch $@

$(GOVULNCHECK_STAMP):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) GOFLAGS= $(GO) install golang.org/x/vuln/cmd/govulncheck@v$(GOVULNCHECK_VERSION)
	@rm -f $(TOOLS)/.govulncheck-*
	@touch $@

$(TOOLS)/.minio-$(MINIO_VERSION):
	@echo 'building MinIO $(MINIO_VERSION) into $(TOOLS), once: 4 to 6 minutes on two cores'
	@mkdir -p $(TOOLS)
	@GOBIN=$(TOOLS) GOFLAGS= .ci/install $(GO) install github.com/minio/minio@v$(MINIO_VERSION)
	@rm -f $(TOOLS)/.minio-*
	@touch $@

$(TOOLS)/.versitygw-$(VERSITYGW_VERSION):
	@echo 'building the Versity S3 Gateway $(VERSITYGW_VERSION) into $(TOOLS), once: 1 to 3 minutes on two cores'
	@mkdir -p $(TOOLS)
	@GOBIN=$(TOOLS) GOFLAGS= .ci/install $(GO) install github.com/versity/versitygw/cmd/versitygw@v$(VERSITYGW_VERSION)
	@rm -f $(TOOLS)/.versitygw-*
	@touch $@
