package import Ledger
package import StokerCore
// The operations list is built here.
