# make rehearse: the main job on this machine. make test: what CI runs. Both do all the set-up that is missing.
.PHONY: rehearse test policies bench fast stop destroy format lock schema clean
CLOISTER := .venv/bin/cloister
READY := .venv/.ready
# Refused until policies/estate.yaml allows them.
NOT_YET_ALLOWED := managed-dev organisation-dev

rehearse: $(READY) ; @$(CLOISTER) rehearse up $(if $(ENGINE),--engine $(ENGINE))
stop: $(READY) ; @$(CLOISTER) rehearse stop
destroy: $(READY) ; @$(CLOISTER) rehearse destroy
test: $(READY) ; @sh tests/run.sh
policies: $(READY) ; @$(CLOISTER) policies check $(NOT_YET_ALLOWED:%=--without %) --sarif .cloister/policies.sarif --junit .cloister/policies.junit.xml
bench: $(READY) ; @for name in transfer preview policies planner; do .venv/bin/python -m tests.bench.$$name || exit; done
fast: $(READY) ; @.venv/bin/pytest -m "not engine and not servers"
format: $(READY) ; @.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format --quiet .
lock: $(READY) ; @.venv/bin/uv pip compile --quiet --universal --no-header --generate-hashes --group rehearsal --group dev pyproject.toml -o requirements.lock
schema: $(READY) ; @.venv/bin/python -m components.settings.schema
clean: ; @rm -rf .venv .cloister
$(READY): requirements.lock pyproject.toml ; @sh operations/set_up.sh
