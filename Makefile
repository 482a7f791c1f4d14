.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
CODE := bot handlers permissions scripts tests
TYPED := bot handlers permissions scripts
WITH := scripts/services.sh
# Most tests wait for something; a file's tests stay together, because some share a deployment.
PYTEST := $(PYTHON) -m pytest -n 2 --dist loadfile

.PHONY: demo test unit lint fmt bench chaos mutation soak slack-smoke clean help

demo: ## a tour of the bot against a real Docker Engine, without a Slack account
	@$(WITH) demo $(PYTHON) -m bot.trial.demo

test: lint ## lint, types and every test, with all the services they need
	@DOCKTALK_FUZZ_SECONDS=20 $(WITH) test $(PYTEST)

unit: ## the tests that need no service
	@scripts/environment.sh
	@$(PYTEST) -m "not engine and not store and not registry"

lint: ## ruff and mypy, changing nothing
	@scripts/environment.sh
	@.venv/bin/ruff check $(CODE)
	@.venv/bin/ruff format --check $(CODE)
	@.venv/bin/mypy $(TYPED)

fmt: ## format the code and mend what ruff can mend
	@scripts/environment.sh
	@.venv/bin/ruff check --fix $(CODE)
	@.venv/bin/ruff format $(CODE)

bench: ## measure everything beside the CLI and five known queues (about 15 minutes); PARTS=… for some of it
	@$(WITH) test $(PYTHON) -m tests.bench.run $(PARTS)

chaos: ## 500 jobs under 20 kills of bot, worker, store and engine: nothing runs twice, nothing is lost
	@scripts/environment.sh
	@$(PYTHON) -m tests.soak.chaos

mutation: ## a thousand small changes to permissions/, of which the tests have to notice 90 %
	@scripts/environment.sh
	@$(PYTHON) -m tests.permissions.mutation

soak: chaos mutation ## the long runs: chaos, mutation, ten minutes of generated command lines, 500 streams, the crash tests twenty times
	@DOCKTALK_FUZZ_SECONDS=600 $(WITH) test $(PYTHON) -m pytest tests/handlers/grammar/test_generated_lines.py tests/handlers/grammar/test_round_trip.py
	@DOCKTALK_STREAMS=500 DOCKTALK_FLOOD_SECONDS=30 $(WITH) test $(PYTHON) -m pytest -q tests/e2e/test_streams.py
	@$(WITH) test sh -c 'for round in $$(seq 20); do $(PYTHON) -m pytest -q tests/bot/jobs/test_crash.py || exit 1; done'

slack-smoke: ## a few checks against a real workspace (needs tokens, see docs/deploy.md)
	@scripts/environment.sh
	@$(PYTHON) -m scripts.slack_smoke

clean: ## remove .venv, caches and the data of our own engine
	@[ ! -x $(PYTHON) ] || $(PYTHON) -m scripts.run_with clean
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	@find . -name __pycache__ -prune -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14
