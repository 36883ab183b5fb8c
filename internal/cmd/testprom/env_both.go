//go:build ci && drill

package main

// The tags ci and drill choose different environments: this does not compile on purpose.
var _ = choose_one_of_the_tags_ci_and_drill
