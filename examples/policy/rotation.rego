# Rules for a plan of keyturn, for Conftest or OPA:
#
#   keyturn plan --format json >plan.json
#   conftest test --policy examples/policy plan.json
#
# `deny` fails, `warn` is told. The shape is that of `plan --format json` (docs/FORMATS.md):
# resource_changes of all stacks as Terraform has them, and in plans each stack's ordered steps.
package main

import rego.v1

# What restarts in one go.
most_tasks := 50

# Rotating is one pull request, killing the prior version is a later date.
deny contains message if {
	some change in input.resource_changes
	"delete" in change.change.actions
	change.action_reason != "later"
	change.action_reason != "soaked"
	message := sprintf("%s: %s is deleted at once (%s), not after a soak", [change.address, change.type, change.action_reason])
}

deny contains message if {
	some change in input.resource_changes
	change.action_reason == "blocked_unknown"
	message := sprintf("%s could not be observed: plan again when it answers", [change.address])
}

deny contains message if {
	tasks := sum([step.tasks | some plan in input.plans; some step in plan.steps; step.kind == "flip"])
	tasks > most_tasks
	message := sprintf("%d tasks restart, more than %d: split the change with --target", [tasks, most_tasks])
}

# An emergency is not planned in a pull request.
deny contains message if {
	some plan in input.plans
	plan.kind == "compromise"
	message := sprintf("%s: an emergency plan goes through keyturn compromise", [plan.stack])
}

warn contains message if {
	some plan in input.plans
	some step in plan.steps
	step.kind == "verify"
	step.probe.kind == "none"
	message := sprintf("%s: nothing tries %s after its restart but its own health check", [plan.stack, step.service])
}

warn contains message if {
	some change in input.resource_changes
	change.change.actions == ["no-op"]
	message := sprintf("%s waits: %s", [change.address, change.action_reason])
}
