// Package lab is a small production in Incus to drill against: an object store and a
// PostgreSQL node whose pgBackRest backs up into it, with a pgbackrest.conf on this
// machine that leads there. `make lab-up` makes it, `make lab-down` removes all of it,
// and Open is the way in for tests.
//
// Beside them stand bare machines for what an operator installs: a formation of
// pg_auto_failover, and a host for the drill with Prometheus. Inventory is Ansible's way to
// them, Renew gives them back bare. One machine more is of the next Debian: Next.
//
// It has an Incus project and a bridge of its own, so that nothing of it shows among
// the drills' containers. What runs where is said in one table, nodes.
package lab
