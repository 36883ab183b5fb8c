# Writes standard input to a file, whole or not at all: beside it, then renamed.
use strict;
use Fcntl;
my ($path, $mode, $uid, $gid, $size) = @ARGV;
binmode STDIN;
umask 0;
sub fail { print STDERR "$_[0]: $!\n"; exit 1 }
my $dir = "";
for (split m{/}, $path =~ s{/[^/]*$}{}r) {
	next if $_ eq "";
	$dir .= "/$_";
	-d $dir or mkdir $dir, 0755 or -d $dir or fail($dir);
}
my $beside = "$path.veza-$$";
sub undo { my $why = $!; unlink $beside; $! = $why; fail($_[0]) }
sysopen(my $file, $beside, O_WRONLY | O_CREAT | O_EXCL, 0600) or fail($beside);
binmode $file;
my $written = 0;
while (1) {
	my $n = sysread(STDIN, my $part, 65536);
	defined $n or undo("standard input");
	last if $n == 0;
	for (my $at = 0; $at < $n;) {
		my $m = syswrite($file, $part, $n - $at, $at);
		defined $m or undo($beside);
		$at += $m;
	}
	$written += $n;
}
if ($written != $size) { unlink $beside; print STDERR "only $written of $size bytes came\n"; exit 1 }
chown $uid, $gid, $beside or undo("owner of $beside");
chmod oct $mode, $beside or undo("mode of $beside");
close $file or undo($beside);
rename $beside, $path or undo($path);
