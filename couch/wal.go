package couch

import "github.com/cockroachdb/pebble/v2/vfs"

// zeroedLogs is a file system whose new write-ahead logs are filled with zeros
// before they are written. An fdatasync of bytes that were there before need not
// commit the file's length nor its extents: it costs a quarter less than an
// append. Pebble has the same from a log that it uses again, but a store that was
// opened lately, or that is seldom written, has none.
type zeroedLogs struct{ vfs.FS }

// logCategory is what Pebble says that a log is written for.
const logCategory = "pebble-wal"

func (z zeroedLogs) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := z.FS.Create(name, category)
	if err != nil || category != logCategory {
		return file, err
	}
	return zeroedLog{file}, nil
}

func (z zeroedLogs) Unwrap() vfs.FS { return z.FS }

type zeroedLog struct{ vfs.File }

var zeros [64 << 10]byte

// Preallocate writes zeros from the file's end, which is where the log's next
// record goes, to the end of the room that is asked for. Pebble asks between two
// writes and heeds no error: the write that follows tells what is wrong.
func (l zeroedLog) Preallocate(offset, length int64) error {
	stat, err := l.Stat()
	if err != nil {
		return err
	}
	for at, end := stat.Size(), offset+length; at < end; at += int64(len(zeros)) {
		if _, err := l.WriteAt(zeros[:min(int64(len(zeros)), end-at)], at); err != nil {
			return err
		}
	}
	return nil
}
