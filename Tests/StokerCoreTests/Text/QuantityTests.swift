import StokerCore
import Testing

@Suite struct QuantityTests {
    @Test(arguments: [
        (1_152.0, "1,152"), (0, "0"), (0.11, "0.1"), (0.01, "under 0.1"), (12.4, "12"), (-1_234_567, "-1,234,567"),
    ])
    func numbers(value: Double, text: String) { #expect(Quantity.number(value) == text) }

    @Test func oneIsNotMany() {
        #expect(Quantity.requests(1) == "1 request")
        #expect(Quantity.requests(288) == "288 requests")
    }
}
