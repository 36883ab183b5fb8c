// Package drill is the restore drill. TestDrill restores the newest
// backup set into a throw-away machine, proves that the data came back, and measures
// what that cost.
//
// Start at drill_test.go: it reads like the runbook. Each step has a file of its
// own; the env_*_test.go files choose the machines by build tag.
package drill
