// Package compared judges -compare standby by what it must not do: call a difference what is none. A production at
// work, with everything that moves rows and catalogs, is drilled round by round, and fails over in between; every round
// must find both sides the same. `make compare-soak` runs it.
package compared
