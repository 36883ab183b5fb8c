// Package realtest runs veza-restore as its user does, on a real PostgreSQL and pgBackRest: every test restores into a
// data directory of its own, from a copy of one repository.
package realtest
