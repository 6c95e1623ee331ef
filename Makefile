# Every target makes what it needs: nothing has to be set up before `make demo` or `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install install-dev demo run test test-pg17 races machine samples bench-registry bench-desk lint messages screenshots check stop clean

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --no-input install --quiet
MANAGE := $(PYTHON) manage.py
ARGS ?=

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(PYTHON):
	@found=; for python in $(or $(PYTHON3),python3 python3.14 python3.13 python3.12 python3.11); do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { found=$$python; break; }; \
	done; \
	if [ -z "$$found" ]; then echo "Python 3.11 or later is needed; found: $$(python3 --version 2>&1)." >&2; exit 1; fi; \
	echo "Making a virtual environment with $$("$$found" --version) ..."; \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "python3 -m venv failed (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; }

# The stamps carry the state of the pins: without a change nothing is installed again.
$(VENV)/installed: requirements.txt constraints.txt | $(PYTHON)
	@echo "Installing the portal's packages ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements.txt requirements-dev.txt requirements-engines.txt constraints.txt | $(PYTHON)
	@echo "Installing the packages for development ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/installed

.env: | $(VENV)/installed
	@$(PYTHON) -m ndc_portal.first_start

install: $(VENV)/installed ## Make .venv and install the portal's packages

install-dev: $(VENV)/installed-dev chromium mariadb ## ... and what tests and checks need

# Browser tests skip with a reason where there is no browser; under CI they have to run.
.PHONY: chromium
chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests ..."; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
			>/dev/null 2>&1 && exit 0; \
	fi; \
	echo "Chromium is not installed: browser tests are skipped."; [ "$$CI" != true ]

# Tests of MariaDB as a source start a server of their own.
.PHONY: mariadb
mariadb:
	@PATH="$$PATH:/usr/sbin"; command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing MariaDB for the tests of sources ..."; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			--no-install-recommends mariadb-server-core mariadb-client-core; } >/dev/null 2>&1; \
		command -v mariadbd >/dev/null && exit 0; \
	fi; \
	echo "MariaDB is not installed: tests of MariaDB as a source are skipped."; [ "$$CI" != true ]

demo: install .env ## Show the portal with made-up agencies, people and data
	@$(MANAGE) demo $(ARGS)

run: install .env ## Run web and worker at 127.0.0.1:8000
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) run_portal $(ARGS)

# On all cores at once; plain pytest runs them one after the other.
PARALLEL := -n auto --dist worksteal

test: install-dev ## Run the tests; make test ARGS="-k word" runs some
	@$(PYTHON) -m pytest $(PARALLEL) $(ARGS)

# Pages, journeys and other engines do not change with the server; `NDC_POSTGRES=wheel` before make test runs those, too.
test-pg17: install-dev ## Run what depends on the server on PostgreSQL 17 from the wheel
	@NDC_POSTGRES=wheel $(PYTHON) -m pytest $(PARALLEL) -m postgresql $(ARGS)

RACES := two_approvals or double_click or approval_against or signature_against or revocation_against or announcement or calling_off or carry_out or confirmation

races: install-dev ## Let people decide at the same moment, 200 times for each pair; writes var/bench/races.json
	@RACE_ROUNDS=$(or $(N),200) $(PYTHON) -m pytest -p tests.exchange.race_report tests/exchange/test_races.py tests/exchange/test_stop_races.py -n0 -k "$(RACES)" --durations=0 $(ARGS)

machine: install-dev ## Let random people try 10,000 random moves; writes var/bench/machine.json
	@MACHINE_STEPS=$(or $(N),10000) $(PYTHON) -m pytest tests/exchange/machine -n0 -q -s -k whatever $(ARGS)

samples: install-dev ## Fetch databases that others made, and take them from registration to delivery
	@$(PYTHON) -m tests.samples.packages
	@$(PYTHON) -m pytest tests/samples -n0 $(ARGS)

bench-registry: install-dev .env ## Measure search, lists, export and introspection; writes var/bench/registry.json
	@$(MANAGE) bench_registry $(ARGS)

bench-desk: install-dev .env ## Measure the desk with 1,000 and 100,000 requests; writes var/bench/desk.json
	@$(MANAGE) bench_desk $(ARGS)

lint: install-dev ## Check style and format
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

messages: install .env ## Gather and compile the translations
	@$(MANAGE) makemessages --locale vi --ignore '$(VENV)/*' --ignore 'var/*' --no-location
	@$(MANAGE) compilemessages --ignore '$(VENV)/*' --ignore 'var/*'

screenshots: install-dev ## Renew docs/screenshots from the running demonstration (make run)
	@$(PYTHON) -m tests.journeys.screenshots

check: install ## Check the settings as they would be in production
	@DEBUG=off ALLOWED_HOSTS=portal.example.gov.vn BEHIND_TLS_PROXY=on \
		SECRET_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(64))') \
		CREDENTIAL_KEYS=$$($(PYTHON) -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())') \
		PSEUDONYM_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_hex(32))') \
		$(MANAGE) check --deploy --fail-level WARNING

stop: ## Stop the private PostgreSQL servers of the portal and of the tests
	@for folder in $${VAR_DIR:-var} var/test*; do \
		if [ -e $$folder/postgres ]; then echo "$$folder: $$(VAR_DIR=$$folder $(PYTHON) -m ndc_portal.private_postgres stop)"; fi; \
	done

clean: ## Remove the virtual environment and caches; data in var/ stays
	@if [ -x $(PYTHON) ]; then $(MAKE) --no-print-directory stop; fi
	rm -rf $(VENV) .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
