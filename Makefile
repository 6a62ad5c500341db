# Names for what people type; the work is done by `harness` and tox.
# ENV=staging chooses another environment, for every target that calls it.
harness := .venv/bin/harness $(if $(ENV),--name $(ENV))
tox := .venv/bin/tox run -e

.DEFAULT_GOAL := help
.PHONY: help dev-up dev-down dev-stop dev-start dev-reset dev-status doctor dags dags-watch backup restore test lint type unit chart dagtest e2e slow faults foreign field lowest newest nightly bench docs clean

help: ## list the targets
	@grep -hE '^[a-z0-9 -]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9 -]+):.*## /\1\t/' | expand -t 28

dev-up: .venv/ready ## make the environment, or what is missing of it
	@$(harness) up

dev-down: .venv/ready ## remove the environment
	@$(harness) down

dev-status: .venv/ready ## show the environment, the URL and how to log in
	@$(harness) status

dev-stop: .venv/ready ## stop the environment: no process runs, all that it holds stays
	@$(harness) stop

dev-start: .venv/ready ## start what dev-stop has stopped
	@$(harness) start

dev-reset: .venv/ready ## make Airflow's metadata as freshly installed; the DAGs stay
	@$(harness) reset

doctor: .venv/ready ## check this machine
	@$(harness) doctor

dags: .venv/ready ## put the DAGs folder live, in seconds and without a redeploy
	@$(harness) dags sync

dags-watch: .venv/ready ## put the DAGs folder live at every save, until Ctrl-C
	@$(harness) dags watch

backup: .venv/ready ## write the database into a file: make backup [FILE=...]
	@$(harness) backup $(FILE)

restore: .venv/ready ## put a backup in the place of the database: make restore FILE=...
	@$(harness) restore $(FILE)

test: .venv/ready ## run all checks and tests: lint, type, unit, chart, e2e, dagtest
	@$(tox) lint,type,unit,chart,e2e,dagtest

bench: .venv/ready ## measure how long until a change of the DAGs is live; half an hour
	@$(tox) bench

nightly: .venv/ready ## run the whole matrix, as CI does at night: every part runs, red if any is
	@.venv/bin/tox run

lint type unit chart dagtest e2e slow faults foreign field lowest newest: .venv/ready ## run one of them
	@$(tox) $@

docs: .venv/ready ## write the pages that follow from the code: command line and settings
	@.venv/bin/python docs/generate.py

clean: ## remove what Python tools made here
	@rm -rf .venv .tox .mypy_cache .ruff_cache .pytest_cache .pytest-kind

.venv/ready: bootstrap requirements.txt pyproject.toml
	@./bootstrap
