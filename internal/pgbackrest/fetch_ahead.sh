# shellcheck shell=sh disable=SC2154 # dir, ahead and archive_get stand before it
# fetch_ahead NAME PATH brings the next segments of the archive while the server replays this one. It
# exits with 1 where it has not brought this one itself: the restore_command that stands after it
# then asks the archive, and only that answer counts.
#
# list holds the segments in the order of the replay, in/NAME is one that archive-get has brought
# whole, taken holds those the server was given, failed what archive-get said first. Whoever brings
# one holds the lock of lock/NAME, which the kernel takes back with the last process that has it,
# however that ends. lock/NAME goes when the segment was handed over: what was tried in vain is not
# tried ahead again. Every process counts here: the replay waits for this script.
name=$1 path=$2

bring() { # NAME
  [ -e "lock/$1" ] && return # somebody does, or did
  exec 9>"lock/$1" && flock -n 9 || return
  {
    said=failed
    [ -s failed ] && said=/dev/null
    archive_get "$1" "$PWD/part/$1" 2>>"$said" && mv "part/$1" "in/$1" && exit
    rm -f "part/$1"
  } </dev/null >/dev/null 2>&1 &
}

case $path in /*) ;; *) path=$PWD/$path ;; esac
cd "$dir" || exit
following=$(grep -Fx -A "$ahead" -e "$name" list) || exit # of this list alone: no history file
for segment in $following; do
  [ "$segment" = "$name" ] || bring "$segment"
done
[ -e "in/$name" ] || [ ! -e "lock/$name" ] || { exec 9<"lock/$name" && flock -w 300 9; }
mv "in/$name" "$path" 2>/dev/null || exit 1
echo "$name" 2>/dev/null >>taken
exec rm -f "lock/$name"
