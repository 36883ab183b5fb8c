# Prints a file; status 44 and the word "missing" are a file that is not there.
use strict;
my $file;
if (!sysopen($file, $ARGV[0], 0)) {
	if ($!{ENOENT}) { print STDERR "missing\n"; exit 44 }
	print STDERR "$!\n";
	exit 1;
}
while (1) {
	my $n = sysread($file, my $part, 65536);
	if (!defined $n) { print STDERR "$!\n"; exit 1 }
	exit 0 if $n == 0;
	for (my $at = 0; $at < $n;) {
		my $m = syswrite(STDOUT, $part, $n - $at, $at) or exit 1;
		$at += $m;
	}
}
