# Two commands do everything: `make run` and `make test`. What they need and is missing, they install.
SHELL := /bin/bash
.DEFAULT_GOAL := help
FLEET ?=
ARGS ?=
FOLDER ?=
ROUNDS ?= 200
RUNS ?= 10000
SEED ?= 7
EXPRESSIONS ?= 500
ZONES ?= 40
INSTANTS ?= 200
FLEETS ?= 200
RELEASES ?= 200
STORIES ?= 1000
ITERATIONS ?= 1000
REAL ?= 200
STOKER := .build/release/stoker

.PHONY: help run build install test official-suite fuzz campaign cron notices-campaign deploy-campaign vault-campaign app-campaign pictures template-swift datasets workshop-campaign api-check mutations mcp-restarts model lint format bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make run FLEET=my.yaml       monitors your own fleet; ARGS='--port 8000' is passed on"

run: build ## Monitor a fleet: the demonstration, or FLEET=my.yaml
	@if [ -n "$(FLEET)" ]; then STOKER_TOOLS=$(CURDIR)/.build/tools/bin exec $(STOKER) serve --fleet "$(FLEET)" $(ARGS); else STOKER_TOOLS=$(CURDIR)/.build/tools/bin exec $(STOKER) demo $(ARGS); fi

build: ## Build the stoker binary (release) as .build/release/stoker
	@Scripts/setup.sh run
	@[ -x $(STOKER) ] || echo "Building stoker; the first time takes about 8 minutes on two cores, later ones seconds."
	@Scripts/release.sh stoker

install: build ## Install stoker and its symbols into FOLDER (~/.local/bin)
	@Scripts/install.sh $(FOLDER)

test: ## Build (debug) and run every test
	@Scripts/setup.sh build
	@Scripts/test.sh

official-suite: build ## Run the official client's own tests (from PyPI, or OFFICIAL_TESTS=folder) against the simulator
	@Tests/HubSimulatorTests/OfficialSuite/run.sh $(ARGS)

fuzz: ## Fuzz guided by coverage, 20 s each; ARGS="fleet dns" picks, FUZZ_SECONDS lengthens
	@Scripts/setup.sh run
	@Scripts/fuzz.sh $(ARGS)

campaign: ## Kill -9 rounds on a disk that hangs, fills and comes back; ROUNDS=200 SEED=7
	@Scripts/setup.sh test
	@Scripts/campaign.sh $(ROUNDS) $(SEED)

cron: ## Compare cron schedules with brute force over zoneinfo and croniter; EXPRESSIONS=500 ZONES=40 INSTANTS=200
	@Scripts/setup.sh test
	@Scripts/cron.sh $(EXPRESSIONS) $(ZONES) $(INSTANTS)

notices-campaign: ## Kill -9 rounds between verdict and delivery; ROUNDS=2000 SEED=7
	@Scripts/setup.sh test
	@Scripts/campaign.sh $(ROUNDS) $(SEED) nothingIsLostAndNothingOvertakes 'notices campaign: '

deploy-campaign: ## Random fleets, bad releases, faults of an apply; FLEETS=200 RELEASES=200 STORIES=1000
	@Scripts/setup.sh test
	@Scripts/deploy-campaign.sh $(FLEETS) $(RELEASES) $(STORIES)

vault-campaign: ## Seeded bad days on a vault in memory and on each real kind of vault; RUNS=10000 REAL=200 SEED=1
	@Scripts/setup.sh test
	@STOKER_VAULT_RUNS=$(RUNS) STOKER_VAULT_REAL_RUNS=$(REAL) STOKER_VAULT_SEED=$(SEED) swift test --filter nothingIsLostOnABadDay

app-campaign: ## A real app under the guard, killed and moved over and over; KILLS=200 SEED=1
	@Scripts/setup.sh test
	@STOKER_APP_KILLS=$(or $(KILLS),200) STOKER_APP_SEED=$(SEED) swift test --filter whatWasAcknowledgedBeforeTheLastPublicationSurvivesEveryDeath

pictures: build ## Make the pictures of the README anew (Chromium, three minutes)
	@Scripts/setup.sh test
	@STOKER=$(STOKER) Tests/Browser/run.sh --pictures

template-swift: build ## Build and start the app that `stoker new swift` makes (minutes; fetches Hummingbird)
	@Scripts/template-swift.sh

datasets: ## Publish 1,000 iterations to a simulated Hub and load them with three versions of the official package; ITERATIONS=1000
	@Scripts/setup.sh test
	@Scripts/datasets.sh $(ITERATIONS)

workshop-campaign: ## Kill a worker between and in its steps on one dataset; KILLS=10000 SEED=7
	@Scripts/setup.sh test
	@swift build --build-tests && STOKER_KILLS=$(or $(KILLS),10000) STOKER_KILL_SEED=$(SEED) swift test --skip-build --filter noRowIsLostAndNoneIsThereTwice

api-check: build ## Schemathesis (PyPI) with all checks for SECONDS=240, and a client generated from the API's document
	@Scripts/api-check.sh $(SECONDS)

mutations: ## Mutated requests on every door (API, pages, MCP over HTTP and lines); COUNT=10000
	@Scripts/setup.sh test
	@STOKER_MUTATIONS=$(or $(COUNT),10000) STOKER_MCP_MUTATIONS=$(or $(COUNT),10000) swift test --filter 'MutatedRequestTests|MutatedLinesTests|mutatedRequestsDoNothing'

mcp-restarts: ## Restarts of a server between two calls of the official MCP clients; RESTARTS=1000
	@Scripts/setup.sh test
	@STOKER_MCP_RESTARTS=$(or $(RESTARTS),1000) swift test --filter aRestartBetweenTwoCallsIsNotNoticed

model: ## Test language models against a real llama.cpp server with a generated model (PyPI: xllamacpp)
	@Scripts/setup.sh test
	@swift build --build-tests && Scripts/model.sh

lint: ## Check the layout of every Swift file
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests Benchmarks

format: ## Lay out every Swift file
	@swift format --in-place --parallel --recursive Package.swift Sources Tests Benchmarks

bench: ## Measure against the peers; ROWS="probe-http ledger" picks rows, Benchmarks/run.sh --list names them
	@Scripts/setup.sh run
	@Benchmarks/run.sh $(ROWS)

clean: ## Remove what was built
	@rm -rf .build
