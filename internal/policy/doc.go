// Package policy is what good backups are: the customer's policy as data, and
// the judgements on it. It asks nothing and runs nothing: it is given what was read.
package policy
