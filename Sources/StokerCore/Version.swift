/// The version of this program, as `--version` and the User-Agent tell it.
package enum Version {
    package static let current = "0.1.0"
}
