// Package doc holds the project's decisions (adr/), and the tests that keep the pages true.
package doc
