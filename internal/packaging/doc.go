// Package packaging makes what `make dist` makes: a tarball and a Debian package of one build, the
// same bytes whoever builds it, where and when (decision 28).
//
// What belongs into it stands in contents.go alone: a program that is added there is compiled,
// installed and named in what dist prints.
package packaging
