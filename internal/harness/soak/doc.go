// Package soak runs clean drills over sources of many kinds, as a user would, and
// counts the reds: each of them is a false alarm, or a fault of the source's own making.
package soak
